import { ServiceError } from './service';

const MINUTE = 60_000;
/** By signing name, for services that do not answer as most do. */
const REFUSALS: Record<string, (signed: number, now: number) => ServiceError | undefined> = {
  s3: (signed, now) => Math.abs(signed - now) <= 15 * MINUTE ? undefined
    : new ServiceError('RequestTimeTooSkewed', 403, 'The difference between the request time and the current time is too large.',
      { RequestTime: basic(signed), ServerTime: new Date(now).toISOString(), MaxAllowedSkewMilliseconds: '900000' }),
  ec2: (signed, now) => Math.abs(signed - now) <= 5 * MINUTE ? undefined
    : new ServiceError('RequestExpired', 400, `Request has expired. Timestamp date is ${new Date(signed).toISOString()}.`),
};

/** Throws as the service does if a request was signed too long ago, or is dated too far ahead. */
export function refuseWrongTime(date: string | undefined, now: number, signingName: string): void {
  const signed = Date.parse(String(date).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const error = (REFUSALS[signingName] ?? usual)(signed, now);
  if (error) { throw error; }
}

function usual(signed: number, now: number): ServiceError | undefined {
  const [earliest, latest] = [now - 5 * MINUTE, now + 5 * MINUTE];
  if (signed >= earliest && signed <= latest) { return undefined; }
  const message = signed < earliest
    ? `Signature expired: ${basic(signed)} is now earlier than ${basic(earliest)} (${basic(now)} - 5 min.)`
    : `Signature not yet current: ${basic(signed)} is still later than ${basic(latest)} (${basic(now)} + 5 min.)`;
  return new ServiceError('InvalidSignatureException', 403, message);
}

/** ISO 8601 in the basic format of signatures. */
function basic(time: number): string {
  return Number.isNaN(time) ? 'no date' : new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, '');
}
