/** The entry of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Port } from './line.ts';
import type { WorkerStart } from './messages.ts';
import { Staff } from './staff.ts';

if (parentPort === null)
  throw new Error('this is a worker thread of a region server: throughline serve starts it');
const staff = new Staff(workerData as WorkerStart, parentPort as unknown as Port);
// Left to itself the thread would end with sockets open, which uWebSockets.js does not survive: the whole process leaves in order.
process.on('uncaughtException', (error) => staff.fail(error));
