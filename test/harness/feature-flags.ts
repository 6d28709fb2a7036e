import type { App } from 'aws-cdk-lib';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';

/** The feature flags that `cdk init` writes into the cdk.json of a new app. */
export const CDK_INIT_FLAGS: Record<string, unknown> = { ...CURRENTLY_RECOMMENDED_FLAGS };

/** Synthesizes an app without the report of its warnings, which one of the flags prints. */
export function synthesized(app: App): CloudAssembly {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
  try {
    return app.synth();
  } finally {
    printed.mockRestore();
  }
}
