import { Code } from './code';
import { SimulatedProcess } from './process';
import { Clock } from '../../../world/emulator/clock';
import type { EmulatorOptions } from '../../../world/emulator/emulator';
import { Instance } from '../../../world/emulator/lambda/instance';

/** Returns the options of a world that simulates the processes of functions, and believes the checksums of blocks. */
export async function simulation(): Promise<() => EmulatorOptions> {
  const code = await Code.of(/^(ebs|efs|transfer-.*)$/);
  return () => {
    let processes = 0;
    return {
      clock: new Clock(undefined, 0),
      lambda: {
        startProcess: (options, server) => {
          const program = code.in(options.cwd);
          return program ? new SimulatedProcess(options, program, server, processes++) : new Instance(options);
        },
      },
      ebs: { trustChecksums: true },
    };
  };
}
