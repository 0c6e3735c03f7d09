import { bullmqInbox } from 'nestjs-xenioo/bullmq';

export const inbox = bullmqInbox({ connection: process.env.REDIS_URL! });
