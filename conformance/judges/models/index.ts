/**
 * The services' own API models judge our emulators: for every operation,
 * requests at and beyond each bound that the model sets.
 */
import { send, strangenessOf } from './requests';
import { variations } from './values';
import { EBS, EFS, type ServiceUnderTest, type World } from './worlds';
import type { Model } from '../../../world/emulator/rest-json';
import type { Report, Section } from '../../tools/report';

interface Case {
  readonly what: string;
  readonly input: Record<string, any>;
  readonly valid: boolean;
}

/** Where a service is known to take another view than its model: the case → what says so. */
const LESS = 'noted of the service, against its model: a request for fewer than 100 results gets 100; nothing here makes one';
const SIGNATURE = 'not settled: the checksum is part of the signature and the request fails, says the documentation, not how; '
  + 'the emulator answers as to any signature that does not fit';
const EXPLAINED: Record<string, string> = {
  'ListSnapshotBlocks MaxResults 99': LESS,
  'ListChangedBlocks MaxResults 99': LESS,
  'PutSnapshotBlock Checksum length 1': SIGNATURE,
  'PutSnapshotBlock Checksum length 64': SIGNATURE,
};

export async function judgeByModels(report: Report): Promise<void> {
  for (const [name, service] of [['efs-2015-02-01', EFS], ['ebs-2019-11-02', EBS]] as const) {
    const section = report.section(`API model ${name}`, 'emulator');
    for (const operation of Object.keys(service.model.operations)) {
      if (service.absent.includes(operation)) {
        section.row(operation, 'not run', 'nothing here calls it; the emulator does not have it');
        continue;
      }
      await section.check(operation, () => judgeOperation(section, service, operation));
    }
  }
}

async function judgeOperation(section: Section, service: ServiceUnderTest, operation: string): Promise<string> {
  const { model, signingName, refusal } = service;
  const complaints: string[] = [];
  let [accepted, refused] = [0, 0];
  let world: World | undefined;
  try {
    world = await service.world();
    const cases = [...casesOf(model, operation, world.inputs[operation])];
    for (const { what, input, valid } of cases) {
      world ??= await service.world();
      const answer = await send(world.emulator.server.url, signingName, model, operation, input);
      const broken = answer.error === refusal && /failed to satisfy constraint/.test(JSON.stringify(answer.body));
      const right = valid ? !broken : answer.error === refusal;
      const problems = [...strangenessOf(model, operation, answer)];
      if (!right) { problems.unshift(`${valid ? 'refused' : 'accepted'}: ${answer.status} ${answer.error ?? ''}`); }
      if (valid) { accepted++; } else { refused++; }
      const known = EXPLAINED[`${operation} ${what}`];
      if (problems.length > 0 && known !== undefined) {
        section.row(`${operation} with ${what}`, 'explained', known);
      } else {
        complaints.push(...problems.map(problem => `${what}: ${problem}`));
      }
      // Whatever changed something is not to be seen by the next case.
      if (answer.error === undefined && model.operations[operation].http.method !== 'GET') {
        await world.emulator.close();
        world = undefined;
      }
    }
  } finally {
    await world?.emulator.close();
  }
  if (complaints.length > 0) { throw new Error(complaints.join('\n')); }
  return `${accepted} requests within the bounds, ${refused} beyond`;
}

/** The request that succeeds, and every other that differs from it in one place. */
function* casesOf(model: Model, operation: string, base: Record<string, any>): Generator<Case> {
  yield { what: 'everything in order', input: base, valid: true };
  yield* structures(model, model.operations[operation].input.shape, base, input => input, true);
}

function* structures(
  model: Model, name: string, value: Record<string, any>, within: (value: any) => Record<string, any>, top = false, path = '',
): Generator<Case> {
  const shape = model.shapes[name];
  if (!top) { yield { what: `${path} of another type`, input: within('text'), valid: false }; }
  for (const [member, reference] of Object.entries(shape.members ?? {})) {
    const at = path === '' ? member : `${path}.${member}`;
    const replaced = (other: any) => within({ ...value, [member]: other });
    if (shape.required?.includes(member) && reference.location !== 'uri' && shape.payload !== member) {
      yield { what: `no ${at}`, input: replaced(undefined), valid: false };
    }
    yield* values(model, reference.shape, value[member], replaced, at, reference.location);
  }
}

function* values(
  model: Model, name: string, value: any, replaced: (other: any) => Record<string, any>, path: string, location?: string,
): Generator<Case> {
  const shape = model.shapes[name];
  if (shape.type === 'structure') {
    if (value !== undefined) { yield* structures(model, name, value, replaced, false, path); }
    return;
  }
  const sample = Array.isArray(value) ? value[0] : undefined;
  for (const variation of variations(model, name, () => sample)) {
    // All that path, query and headers carry is text; and an empty path segment is another path.
    if (location !== undefined && variation.what === 'another type' && shape.type === 'string') { continue; }
    if (location !== undefined && shape.type === 'list' && (variation.what === 'another type' || variation.what === '0 members')) { continue; }
    if (location === 'uri' && variation.value === '') { continue; }
    if (location === 'header' && /[^\x20-\x7e]/.test(String(variation.value))) { continue; }
    if (shape.type === 'list' && Array.isArray(variation.value) && sample === undefined) { continue; }
    yield { what: `${path} ${variation.what}`, input: replaced(variation.value), valid: variation.valid };
  }
  if (shape.type === 'list' && sample !== undefined && location === undefined) {
    yield* values(model, shape.member!.shape, sample, other => replaced([other]), `${path}[]`);
  }
}
