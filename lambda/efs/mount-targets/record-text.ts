import { OutOfReach } from '../../shared/errors';

/**
 * The record of a set of mount targets: one tag on its file system, because mount targets have no tags. A mount target belongs to every
 * set that records its subnet, and goes when no set does so any more. EFS allows one mount target per Availability Zone, and a set records
 * a subnet only while its zone has none, or one that another set records; so no record names a mount target that somebody else made.
 */
export interface SetRecord {
  /** `deleting` stops calls that still work on the set. */
  readonly state: 'creating' | 'ready' | 'deleting';
  /** Digest of the id of the stack. */
  readonly stack: string;
  /** Digest of the latest call, the only one that may change the set. */
  readonly call: string;
  /** When CloudFormation sent that call, in milliseconds since 1970, in whole seconds. */
  readonly sent: number;
  readonly subnetIds: readonly string[];
  /** Those of `subnetIds` whose mount targets were there before all sets. They are released, not deleted, with an adopted file system. */
  readonly adopted?: readonly string[];
  /** Those of `subnetIds` whose mount targets a former set with the same key retained, and the latest creation took up. A rollback gives them back. */
  readonly retained?: readonly string[];
  /** The security groups that the set wants on its mount targets. Absent: they do not fit into the tag. */
  readonly securityGroups?: readonly string[];
  /** The security groups that the former set wanted. Absent: there is none, or they do not fit into the tag. */
  readonly formerGroups?: readonly string[];
  /**
   * When new mount targets were first seen available, in milliseconds since 1970, or `pending`: their DNS names are not known at once.
   * Absent: there are no new ones.
   */
  readonly settling?: number | 'pending';
  /** The owner, for people who read the tag. Absent: it does not fit into the tag. */
  readonly owner?: string;
}

const VERSION = 1;
const LONGEST_VALUE = 256;
const STATES = { c: 'creating', r: 'ready', d: 'deleting' } as const;
/** The first characters of the words after the fixed ones, which show their kinds. EFS allows few characters in tags. */
const MARKS = { subnet: ' ', adopted: '+', retained: '.', group: ':', formerGroup: '/', settling: '@' } as const;
/** Begins the owner, which is the last word and has slashes. */
const OWNER_MARK = '=';
const WORD = new RegExp(`([${Object.values(MARKS).join('')}])([^${Object.values(MARKS).join('')}]*)`, 'g');

/**
 * Returns the text of a record: version and state, digests of stack and call, the time, then words of any number. Twelve subnets, an old one
 * and a new one in each of six Availability Zones, and five security groups fit. Where it does not fit, the owner is left out, then the groups.
 */
export function textOf(record: SetRecord): string {
  const { owner, formerGroups, securityGroups, ...rest } = record;
  const texts = [record, { ...rest, securityGroups, formerGroups }, { ...rest, securityGroups }, rest].map(allOf);
  const text = texts.find(({ length }) => length <= LONGEST_VALUE);
  if (text === undefined) {
    throw new Error(`'vpcSubnets' takes too many Availability Zones at once: subnets ${record.subnetIds.join(', ')} do not fit into one tag`);
  }
  return text;
}

/** A later release has written the record of a set, in a form of its own. Nothing changes that record, and a rollback leaves the set as it is. */
export class NewerRecord extends OutOfReach {
  constructor(tagKey: string) {
    super(`the tag ${tagKey} was written by a later release of cdk-durable-storage: use that one`);
  }
}

/** Returns undefined for what this library did not write. Throws `NewerRecord` for a record of a later release. */
export function readText(value: string, tagKey: string): SetRecord | undefined {
  if (Number(/^(\d{1,3})[a-z] /.exec(value)?.[1]) > VERSION) { throw new NewerRecord(tagKey); }
  const [, version, letter, stack, call, sent, words, owner] = /^(\d+)([crd]) (\S+) (\S+) ([0-9a-z]+)([^=]*)(?:=(.*))?$/.exec(value) ?? [];
  if (Number(version) !== VERSION) { return undefined; }
  const all = [...words.matchAll(WORD)].map(([, mark, word]) => ({ mark, word }));
  const marked = (...marks: string[]) => all.filter(({ mark }) => marks.includes(mark)).map(({ word }) => word);
  const adopted = marked(MARKS.adopted).map(word => idOf('subnet', word));
  const retained = marked(MARKS.retained).map(word => idOf('subnet', word));
  const formerGroups = marked(MARKS.formerGroup).map(word => idOf('sg', word));
  const groups = marked(MARKS.group);
  const [settling] = marked(MARKS.settling);
  return {
    state: STATES[letter as keyof typeof STATES],
    stack,
    call,
    sent: fromSeconds(sent),
    subnetIds: marked(MARKS.subnet, MARKS.adopted, MARKS.retained).map(word => idOf('subnet', word)),
    ...adopted.length > 0 && { adopted },
    ...retained.length > 0 && { retained },
    ...groups.length > 0 && { securityGroups: groups.filter(word => word !== '').map(word => idOf('sg', word)) },
    ...formerGroups.length > 0 && { formerGroups },
    ...settling !== undefined && { settling: settling === '' ? 'pending' as const : fromSeconds(settling) },
    ...owner !== undefined && { owner },
  };
}

function allOf(record: SetRecord): string {
  const { state, stack, call, sent, subnetIds, adopted = [], retained = [], securityGroups, formerGroups = [], settling, owner } = record;
  const letter = Object.entries(STATES).find(([, name]) => name === state)![0];
  const markOf = (id: string) => adopted.includes(id) ? MARKS.adopted : retained.includes(id) ? MARKS.retained : MARKS.subnet;
  const subnets = subnetIds.map(id => `${markOf(id)}${shortened(id)}`);
  // No groups and unknown groups are not the same.
  const groups = securityGroups?.length === 0 ? [MARKS.group] : (securityGroups ?? []).map(id => `${MARKS.group}${shortened(id)}`);
  const time = settling === undefined ? [] : [`${MARKS.settling}${settling === 'pending' ? '' : inSeconds(settling)}`];
  const former = formerGroups.map(id => `${MARKS.formerGroup}${shortened(id)}`);
  const name = owner === undefined ? [] : [`${OWNER_MARK}${owner}`];
  return [`${VERSION}${letter} ${stack} ${call} ${inSeconds(sent)}`, ...subnets, ...groups, ...former, ...time, ...name].join('');
}

/** The digits of an id, in two thirds of their length. */
function shortened(id: string): string {
  const digits = id.slice(id.indexOf('-') + 1);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex').toString('base64url');
}

/** Ids have 8 digits or 17. */
function idOf(type: 'subnet' | 'sg', word: string): string {
  const digits = Buffer.from(word, 'base64url').toString('hex');
  return `${type}-${digits.length > 8 ? digits.slice(1) : digits}`;
}

/** Rounded up, so that a delay is never shorter than wanted. */
function inSeconds(milliseconds: number): string {
  return Math.ceil(milliseconds / 1000).toString(36);
}

function fromSeconds(text: string): number {
  return 1000 * parseInt(text, 36);
}
