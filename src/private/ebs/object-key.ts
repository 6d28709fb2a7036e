import { Annotations, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { check, misuse } from '../resource/validation';

/** Checks the key of an object, as far as it is known at synthesis. @param longest Bytes. */
export function checkObjectKey(scope: Construct, key: string | undefined, longest: number, prop = 'key'): void {
  if (key === undefined) { return; }
  check(scope, prop, key, `1 to ${longest} bytes long`, value => value !== '' && Buffer.byteLength(value) <= longest);
  // The beginning is known even if the rest is a token.
  if (key.startsWith('s3://')) { throw misuse(scope, `'${prop}' must be the key of an object, without 's3://' and the bucket, got '${key}'`); }
  if (!Token.isUnresolved(key) && leadsOut(key)) { throw misuse(scope, `'${prop}' must not lead out of the bucket by '..', got '${key}'`); }
  if (key.startsWith('/')) {
    Annotations.of(scope).addWarningV2('cdk-durable-storage:ObjectKey.slash',
      `'${prop}' begins with '/', which is a part of the key in S3: leave it out unless it is meant, got '${key}'`);
  }
}

/** Whether there are more `..` than other segments somewhere, read from the left. S3 takes no such key. */
function leadsOut(key: string): boolean {
  let depth = 0;
  return key.split('/').some(segment => {
    if (segment === '..') { depth--; } else if (segment !== '.') { depth++; }
    return depth < 0;
  });
}
