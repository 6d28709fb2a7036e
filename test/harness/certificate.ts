import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Self-signed, for 127.0.0.1 only, valid until 2126. It protects nothing: tests and the bench speak TLS with themselves. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUHjEus6SjUMpMG/ifXIsZb4U0LJUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTIxMTMxMFoYDzIxMjYxMDI4
MjExMzEwWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARYxwBP1sSrBcJux31LiPWN0SX3cL1TI5v+hGgwBEjZybpHEBY448EW
KI6Ueg0omj70rqpD9toan3bcFvKxw7aoo2QwYjAdBgNVHQ4EFgQUejckPZ42vbH8
nnQl9YyonslVhRwwHwYDVR0jBBgwFoAUejckPZ42vbH8nnQl9YyonslVhRwwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQDU0nrd/26A+kyrFLJg6TtYmxLtU2O8XIMtGxPCM/0X7wIgXOLORe2ke7bicXq4
WHOpY3FUjmjOr9ZFi8UiNfDz1LI=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgN0jBEJMrv3saXwcX
Ai1SEOksgyU3Ug54VGQ5mkNoOtihRANCAARYxwBP1sSrBcJux31LiPWN0SX3cL1T
I5v+hGgwBEjZybpHEBY448EWKI6Ueg0omj70rqpD9toan3bcFvKxw7ao
-----END PRIVATE KEY-----
`;

/** Files of a certificate for 127.0.0.1, and its key. */
export function makeCertificate(): { readonly cert: string; readonly key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, CERTIFICATE);
  writeFileSync(key, KEY);
  return { cert, key };
}
