import type { Answer } from '../service';
import type { Version } from './bucket';
import { invalidArgument } from './errors';
import { integer, ok, type Request } from './request';
import { document, group, tag } from './xml';

/** What a listing shows: a version, or all that share a prefix up to the delimiter. */
type Entry = { readonly version: Version; readonly name: string } | { readonly version?: undefined; readonly name: string };

export function listObjectsV2(request: Request): Answer {
  const { call: { query }, bucket } = request;
  request.access.require('s3:ListBucket', undefined, listContext(query));
  const maxKeys = integer('max-keys', query.get('max-keys'), 1000, 1000);
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  const after = token !== null ? decodeToken(token) : startAfter;

  const present = bucket.versions().filter(version => version === bucket.latest(version.key) && !version.deleteMarker);
  const left = entries(present, query).filter(entry => after === null || isAfter(entry.name, after));
  const page = left.slice(0, maxKeys);
  const truncated = maxKeys > 0 && left.length > page.length;
  const shown = encoder(query);
  return ok({}, document('ListBucketResult',
    tag('Name', bucket.name), tag('Prefix', shown(query.get('prefix') ?? '')), tag('Delimiter', optional(query.get('delimiter'))),
    tag('MaxKeys', maxKeys), tag('EncodingType', optional(query.get('encoding-type'))), tag('KeyCount', page.length), tag('IsTruncated', truncated),
    tag('ContinuationToken', optional(token)), tag('StartAfter', optional(startAfter)),
    tag('NextContinuationToken', truncated ? encodeToken(page[page.length - 1].name) : undefined),
    ...page.map(entry => entry.version ? group('Contents', tag('Key', shown(entry.name)), ...described(entry.version)) : prefix(shown(entry.name)))));
}

export function listObjectVersions(request: Request): Answer {
  const { call: { query }, bucket } = request;
  request.access.require('s3:ListBucketVersions', undefined, listContext(query));
  const maxKeys = integer('max-keys', query.get('max-keys'), 1000, 1000);
  const keyMarker = query.get('key-marker') || null;
  const versionMarker = query.get('version-id-marker') || null;
  if (versionMarker !== null && keyMarker === null) {
    throw invalidArgument('A version-id marker cannot be specified without a key marker.', 'version-id-marker', versionMarker);
  }

  const all = entries(bucket.versions(), query);
  const marked = versionMarker === null ? -1 : all.findIndex(({ name, version }) => name === keyMarker && version?.versionId === versionMarker);
  const left = marked >= 0 ? all.slice(marked + 1) : all.filter(({ name }) => keyMarker === null || isAfter(name, keyMarker));
  const page = left.slice(0, maxKeys);
  const truncated = maxKeys > 0 && left.length > page.length;
  const last = page[page.length - 1];
  const shown = encoder(query);
  return ok({}, document('ListVersionsResult',
    tag('Name', bucket.name), tag('Prefix', shown(query.get('prefix') ?? '')), tag('Delimiter', optional(query.get('delimiter'))),
    tag('KeyMarker', shown(keyMarker ?? '')), tag('VersionIdMarker', versionMarker ?? ''), tag('MaxKeys', maxKeys), tag('IsTruncated', truncated),
    tag('EncodingType', optional(query.get('encoding-type'))),
    tag('NextKeyMarker', truncated ? shown(last.name) : undefined), tag('NextVersionIdMarker', truncated ? last.version?.versionId : undefined),
    ...page.map(({ version, name }) => version
      ? group(version.deleteMarker ? 'DeleteMarker' : 'Version', tag('Key', shown(name)), tag('VersionId', version.versionId),
        tag('IsLatest', version === bucket.latest(version.key)), ...described(version))
      : prefix(shown(name)))));
}

function listContext(query: URLSearchParams): Record<string, string | undefined> {
  return {
    's3:prefix': optional(query.get('prefix')), 's3:delimiter': optional(query.get('delimiter')), 's3:max-keys': optional(query.get('max-keys')),
  };
}

/** In order, each common prefix once, in the place of the first key that has it. */
function entries(versions: Version[], query: URLSearchParams): Entry[] {
  const [wanted, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') || undefined];
  const found: Entry[] = [];
  for (const version of versions.filter(({ key }) => key.startsWith(wanted))) {
    const end = delimiter === undefined ? -1 : version.key.indexOf(delimiter, wanted.length);
    if (end < 0) {
      found.push({ version, name: version.key });
    } else {
      const name = version.key.slice(0, end + delimiter!.length);
      const last: Entry | undefined = found[found.length - 1];
      if (last?.name !== name || last.version) { found.push({ name }); }
    }
  }
  return found;
}

function described(version: Version): string[] {
  return [
    tag('LastModified', new Date(version.lastModified).toISOString()),
    ...version.deleteMarker ? [] : [
      tag('ETag', `"${version.etag}"`), tag('ChecksumAlgorithm', version.checksum?.algorithm), tag('ChecksumType', version.checksum?.type),
      tag('Size', version.content.size), tag('StorageClass', 'STANDARD'),
    ],
  ];
}

function prefix(name: string): string {
  return group('CommonPrefixes', tag('Prefix', name));
}

function isAfter(name: string, marker: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(marker)) > 0;
}

function encodeToken(name: string): string {
  return Buffer.from(JSON.stringify({ after: name })).toString('base64');
}

function decodeToken(token: string): string {
  try {
    return (JSON.parse(Buffer.from(token, 'base64').toString()) as { after: string }).after;
  } catch {
    throw invalidArgument('The continuation token provided is incorrect', 'continuation-token', token);
  }
}

/** Keys may hold characters that XML cannot: a client may ask for them percent-encoded. */
function encoder(query: URLSearchParams): (name: string) => string {
  return query.get('encoding-type') === 'url' ? name => encodeURIComponent(name).replace(/%2F/g, '/') : name => name;
}

function optional(value: string | null): string | undefined {
  return value ?? undefined;
}
