import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, type Program } from './code';
import { SimulatedProcess } from './process';
import { Clock } from '../../../world/emulator/clock';
import type { EmulatorOptions } from '../../../world/emulator/emulator';

/** Returns the options of a world that simulates the processes of functions, and believes the checksums of blocks. */
export async function simulation(): Promise<() => EmulatorOptions> {
  const code = await Code.of(/^(ebs|efs|transfer-.*)$/);
  return () => {
    let processes = 0;
    return {
      clock: new Clock(undefined, 0),
      lambda: {
        startProcess: (options, server) =>
          new SimulatedProcess(options, isOfCdk(options.cwd) ? answerSuccess : code.in(options.cwd), server, processes++),
      },
      ebs: { trustChecksums: true },
    };
  };
}

/** Returns whether a folder has the function of aws-cdk-lib that empties buckets. It has nothing to do until a stack is deleted. */
function isOfCdk(folder: string): boolean {
  return readFileSync(join(folder, 'index.js'), 'utf8').includes('aws-cdk:auto-delete-objects');
}

interface Event {
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
}

const answerSuccess: Program = (module, _exports, _require, process, _date, _math, _console, transport) => {
  const handler = async ({ ResponseURL, StackId, RequestId, LogicalResourceId }: Event) => {
    const { pathname, search } = new URL(ResponseURL);
    const body = Buffer.from(JSON.stringify({ Status: 'SUCCESS', PhysicalResourceId: LogicalResourceId, StackId, RequestId, LogicalResourceId }));
    await transport.send({ method: 'PUT', url: `${pathname}${search}`, headers: { 'x-emulated-caller': process.env.AWS_ACCESS_KEY_ID! }, body });
  };
  Object.assign(module, { exports: { handler } });
};
