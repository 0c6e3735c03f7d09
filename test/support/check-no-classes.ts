import { drainUncheckedPrototypes } from '../../lib/handlers/decorated-methods.js';

// An application of a spec has only some of the decorated classes of its process, and must not warn about the others.
drainUncheckedPrototypes();
