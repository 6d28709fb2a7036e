import { request } from 'node:https';
import { log } from '../log';

/** How long the check of the way may hold up the first event of a process. */
const TIMEOUT_MILLISECONDS = 3_000;

/** Checks the way to the host of a response URL. Never throws. */
export type CheckWay = (responseUrl: string) => Promise<void>;

/**
 * Returns a check that logs what is missing if a function in a VPC does not reach the host that receives the answers: CloudFormation then
 * waits for an hour, and shows no reason. Only the first call checks.
 */
export function wayFrom(vpcId: string, region: string, reach = answers): CheckWay {
  let checked = false;
  return async responseUrl => {
    if (checked) { return; }
    checked = true;
    // The query is a credential.
    const { origin, hostname, pathname } = new URL(responseUrl);
    try {
      await reach(`${origin}${pathname}`);
    } catch (error) {
      log({
        event: 'no way to CloudFormation',
        error: `no connection from ${vpcId} to ${hostname} (${(error as Error).message}), so CloudFormation gets no answer and waits for an hour: the`
          + ' subnets of the functions need a NAT gateway, or a gateway endpoint of s3 in their route tables, whose policy allows s3:PutObject to'
          + ` cloudformation-custom-resource-response-${region.replaceAll('-', '')}; StorageFunctions.addEndpoints makes it`,
      });
    }
  };
}

/** Resolves with any answer: S3 refuses a request that nobody signed. */
function answers(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method: 'HEAD' }, response => {
      response.resume();
      resolve();
    });
    const timer = setTimeout(() => asking.destroy(new Error(`no answer for ${TIMEOUT_MILLISECONDS / 1000} seconds`)), TIMEOUT_MILLISECONDS);
    asking.on('close', () => clearTimeout(timer)).on('error', reject).end();
  });
}
