import { sha256In } from '../../../../../lambda/transfer/formats/sha256-sums';

const [A, B] = ['a1'.repeat(32), 'b2'.repeat(32)];
const inList = (list: string, fileName = 'disk.img') => sha256In(list, fileName, 'checksum file s3://images/SHA256SUMS');

test.each<[string, string]>([
  ['of sha256sum', `${B}  other.img\n${A}  disk.img\n`],
  ['of sha256sum in binary mode', `${A} *disk.img\n${B} *disk.img.xz\n`],
  ['of sha256sum --tag', `SHA256 (other.img) = ${B}\nSHA256 (disk.img) = ${A}\n`],
  ['of openssl dgst', `SHA256(disk.img)= ${A}\n`],
  ['with a path', `${B}  ./old/other.img\n${A}  ./new/disk.img\n`],
  ['in capital letters, with line ends of Windows', `${A.toUpperCase()}  disk.img\r\n${B}  other.img\r\n`],
  ['between the lines of a signature', `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# disk.img: 9 bytes\n${A}  disk.img\n-----BEGIN PGP SIGNATURE-----\n\niQ\n`],
  ['that is there twice', `${A}  disk.img\n${A}  disk.img\n`],
  ['among those of other digests', `SHA512 (disk.img) = ${A}${A}\nSHA256 (disk.img) = ${A}\n`],
  ['without a name, if it is the only one', `${A}\n`],
  ['without a line end', `${A}  disk.img`],
])('finds a line %s', (_, list) => {
  expect(inList(list)).toBe(A);
});

test.each<[string, string, string]>([
  ['GNU', `\\${A}  a\\nb\\\\c.img\n`, 'a\nb\\c.img'],
  ['BSD', `\\SHA256 (a\\nb\\\\c.img) = ${A}\n`, 'a\nb\\c.img'],
  ['none', `${A}  a\\b.img\n`, 'a\\b.img'],
  ['parentheses', `SHA256 (a (1).img) = ${A}\n`, 'a (1).img'],
])('reads a name with escapes: %s', (_, list, fileName) => {
  expect(inList(list, fileName)).toBe(A);
});

test.each<[string, string]>([
  ['nothing', ''],
  ['another file', `${A}  other.img\n`],
  ['a file whose name ends alike', `${A}  my-disk.img\n`],
  ['a longer digest', `${A}00  disk.img\n`],
  ['a shorter digest', `${A.slice(1)}  disk.img\n`],
  ['several digests without a name', `${A}\n${B}\n`],
])('refuses a list of %s', (_, list) => {
  expect(() => inList(list)).toThrow("checksum file s3://images/SHA256SUMS has no SHA-256 of 'disk.img'; it needs a line as sha256sum writes it, for a file with the name of the image");
});

test('refuses a list that names two digests', () => {
  expect(() => inList(`${A}  a/disk.img\n${B}  b/disk.img\n`))
    .toThrow("checksum file s3://images/SHA256SUMS has 2 different SHA-256 of 'disk.img'; leave one line, or set 'sha256' instead");
});
