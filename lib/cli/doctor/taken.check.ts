import type { XeniooAnswer } from '../../simulator/post.js';
import type { DoctorCheck } from './doctor.check.js';
import type { DoctorEntries } from './doctor.entries.js';
import { judgeTaken, type Complaint } from './judge-taken.js';
import type { DoctorCall, Patient } from './patient.js';

/** Makes the calls of a check. */
export type Calls = (patient: Patient) => Promise<readonly XeniooAnswer[]>;

/** A check of calls that must be answered 200. */
export function taken(
  id: string,
  title: string,
  calls: Calls,
  complaint: Complaint,
): DoctorCheck {
  return {
    id,
    title,
    examine: async patient =>
      judgeTaken(patient, { id, title }, await calls(patient), complaint),
  };
}

/** One call with one event, in the shape that the endpoint takes. */
export function sends(
  entry: (entries: DoctorEntries) => unknown,
  call?: DoctorCall,
): Calls {
  return async patient => [await patient.send(entry(patient.entries), call)];
}

/** One call with a body as it is. */
export function calls(body: (entries: DoctorEntries) => unknown): Calls {
  return async patient => [await patient.call(body(patient.entries))];
}
