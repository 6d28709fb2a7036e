/** A call that completes a multipart upload, and that S3 has not answered yet, or whose answer was lost. */
export interface Completing {
  /** When it was sent, in milliseconds since 1970. */
  readonly since: number;
  /** The object that results in. */
  readonly size: number;
  /** Base64. */
  readonly crc32: string;
}

/** S3 needs minutes to complete a large upload, and goes on if the caller is gone or aborts the upload. A caller repeats the call for 12 minutes. */
const LATEST_MILLISECONDS = 30 * 60_000;

/** Whether S3 may still make an object because of that call. */
export function mayComeLate({ since }: Completing): boolean {
  return Date.now() < since + LATEST_MILLISECONDS;
}
