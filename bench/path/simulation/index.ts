import { Code } from './code';
import { SimulatedProcess } from './process';
import { Clock } from '../../../world/emulator/clock';
import type { EmulatorOptions } from '../../../world/emulator/emulator';
import { Instance } from '../../../world/emulator/lambda/instance';

/** The function of aws-cdk-lib that empties buckets. */
const OF_CDK = /^__entrypoint__/;

/** Returns the options of a world that simulates the processes of functions, and believes the checksums of blocks. */
export async function simulation(): Promise<() => EmulatorOptions> {
  const code = await Code.of(/^(ebs|efs|transfer-.*)$/);
  return () => {
    let processes = 0;
    return {
      clock: new Clock(undefined, 0),
      lambda: {
        startProcess: (options, server) => OF_CDK.test(options.handler)
          ? new Instance(options)
          : new SimulatedProcess(options, code.in(options.cwd), server, processes++),
      },
      ebs: { trustChecksums: true },
    };
  };
}
