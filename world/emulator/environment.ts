/** Where the emulated account is. */
export const PARTITION = 'aws';
export const REGION = 'eu-west-1';
export const ACCOUNT = '111122223333';

/** The Region's Availability Zones: name → id, mapped as an account might see them. */
export const AVAILABILITY_ZONES: Record<string, string> = {
  [`${REGION}a`]: 'euw1-az2',
  [`${REGION}b`]: 'euw1-az3',
  [`${REGION}c`]: 'euw1-az1',
};

export function arn(service: string, resource: string, { region = REGION, account = ACCOUNT } = {}): string {
  return `arn:${PARTITION}:${service}:${region}:${account}:${resource}`;
}
