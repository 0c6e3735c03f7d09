import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { startCrashProcess } from './crash-process.js';

await startCrashProcess(bullmqInbox);
