import { measure, type Measured } from './template-counts';

/** What a case takes, in a process of its own. */
export interface Taken extends Measured {
  /** CPU time of the whole process, in milliseconds. */
  readonly processMilliseconds: number;
  /** The most memory that the process had. */
  readonly mebibytes: number;
}

const measured = measure(JSON.parse(process.argv[2]));
const { user, system } = process.cpuUsage();
const taken: Taken | null = measured
  ? { ...measured, processMilliseconds: (user + system) / 1000, mebibytes: process.resourceUsage().maxRSS / 1024 }
  : null;
process.stdout.write(JSON.stringify(taken));
