import { SendTaskSuccessCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { isNamed } from '../errors';
import { RETRY_POLICIES, retrying } from '../retry';

/**
 * Returns a token, so that the execution that waits for it polls at once. The token proves nothing to that execution, and one for
 * which no execution waits any longer has no effect.
 */
export async function returnToken(client: Pick<SFNClient, 'send'>, taskToken: string): Promise<void> {
  try {
    const command = new SendTaskSuccessCommand({ taskToken, output: '{}' });
    await retrying(() => client.send(command), { what: 'SendTaskSuccess', policy: RETRY_POLICIES.ANSWER });
  } catch (error) {
    if (!isNamed(error, 'TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken')) { throw error; }
  }
}
