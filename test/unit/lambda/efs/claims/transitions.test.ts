import type { Claim, Claims } from '../../../../../lambda/efs/claims/claim';
import {
  advance, begin, beginLeaving, foundBy, READ_AGAIN_SECONDS, stateInForce, stayingIn, type Decision,
} from '../../../../../lambda/efs/claims/transitions';

/*
 * A model of resources that claim one setting: the real transitions, with every read and write of the file system as a step of its own, in
 * every order. Time passes only while all that goes on is waiting, because a step does not last for READ_AGAIN_SECONDS.
 */

interface Thing {
  now: number;
  value: string;
  claims: Claim[];
}

interface Actor {
  readonly name: string;
  readonly wanted: string;
  readonly call: string;
  readonly sent: number;
  readonly does: 'create' | 'delete';
  at: 'begin' | 'tags' | 'write' | 'poll' | 'apply' | 'mark' | 'check' | 'remove' | 'untag' | 'over';
  end?: 'complete' | 'refused' | 'superseded' | 'gone';
  wasInForce?: boolean;
  seen?: Claims;
  decision?: Decision;
  waitsUntil?: number;
}

const creation = (name: string, wanted: string): Actor => ({ name, wanted, call: `c${name}`, sent: 100, does: 'create', at: 'begin' });
const deletion = (name: string, wanted: string): Actor => ({ name, wanted, call: `d${name}`, sent: 50, does: 'delete', at: 'begin' });
const held = (name: string, wanted: string, found = '-'): Claim => ({
  claimant: name, state: 'held', since: 0, stack: 's', wanted, found, call: 'earlier', sent: 1, id: 'fs', owner: name,
});

function read(thing: Thing, { name }: Actor): Claims {
  return { own: thing.claims.find(({ claimant }) => claimant === name), others: thing.claims.filter(({ claimant }) => claimant !== name) };
}

function write(thing: Thing, actor: Actor, state: Claim['state'], found: string): void {
  const claim = { ...held(actor.name, actor.wanted, found), state, since: thing.now, call: actor.call, sent: actor.sent };
  thing.claims = [...thing.claims.filter(({ claimant }) => claimant !== actor.name), claim];
}

const untag = (thing: Thing, { name }: Actor) => { thing.claims = thing.claims.filter(({ claimant }) => claimant !== name); };
const callerOf = ({ call, sent, wanted }: Actor, now: number) => ({ call, sent, wanted, now, agree: (one: string, other: string) => one === other });

/** Makes the next step of an actor. */
function step(actor: Actor, thing: Thing): void {
  const end = (how: Actor['end']) => { Object.assign(actor, { at: 'over', end: how }); };
  const own = actor.seen?.own as Claim | undefined;
  if (actor.does === 'delete') { return remove(actor, thing, own, end); }
  switch (actor.at) {
    case 'begin': actor.wasInForce = thing.value === actor.wanted; actor.at = 'tags'; return;
    case 'tags':
      actor.seen = read(thing, actor);
      actor.decision = begin(callerOf(actor, thing.now), actor.seen);
      if (actor.decision.kind === 'refused') { return end('refused'); }
      actor.at = 'write';
      return;
    case 'write':
      write(thing, actor, (actor.decision as { state: Claim['state'] }).state, foundBy(actor.wanted, actor.seen!, actor.wasInForce!));
      actor.at = 'poll';
      return;
    case 'poll':
      actor.seen = read(thing, actor);
      actor.decision = advance(callerOf(actor, thing.now), actor.seen);
      switch (actor.decision.kind) {
        case 'superseded': return end('superseded');
        case 'refused':
          if (actor.decision.withdraw) { untag(thing, actor); }
          return end('refused');
        case 'wait': actor.waitsUntil = thing.now + 1; return;
        default: actor.at = 'apply';
      }
      return;
    case 'apply':
      if (thing.value !== actor.wanted && own!.state === 'claiming' && own!.found === own!.wanted) {
        write(thing, actor, 'claiming', '-');
        actor.at = 'poll';
        return;
      }
      thing.value = actor.wanted;
      actor.at = 'mark';
      return;
    default: {
      const next = stateInForce(own!);
      if (next !== undefined) { write(thing, actor, next, own!.found); }
      if (next === undefined || next === 'held') { return end('complete'); }
      actor.at = 'poll';
    }
  }
}

function remove(actor: Actor, thing: Thing, own: Claim | undefined, end: (how: Actor['end']) => void): void {
  switch (actor.at) {
    case 'begin': {
      const present = read(thing, actor).own as Claim | undefined;
      if (!present || beginLeaving(actor, present) === 'superseded') { return end('gone'); }
      write(thing, actor, 'leaving', present.found);
      actor.at = 'check';
      return;
    }
    case 'check': actor.seen = read(thing, actor); actor.at = 'remove'; return;
    case 'remove':
      if (stayingIn(actor.seen!).length === 0 && own!.found !== own!.wanted && thing.value === actor.wanted) { thing.value = 'none'; }
      actor.at = 'untag';
      return;
    default:
      untag(thing, actor);
      end('gone');
  }
}

/** Plays all orders of steps. Returns the faults that `judge` finds at their ends, and how many ends there are. */
function explore(actors: readonly Actor[], start: Partial<Thing>, judge: (actors: readonly Actor[], thing: Thing) => string | undefined) {
  const seen = new Set<string>();
  const faults = new Set<string>();
  const ends = new Set<string>();
  const visit = (now: readonly Actor[], thing: Thing): void => {
    const state = JSON.stringify([now, thing]);
    if (seen.has(state)) { return; }
    seen.add(state);
    const active = now.filter(({ at }) => at !== 'over');
    if (active.length === 0) {
      ends.add(now.map(({ name, end }) => `${name} ${end}`).join(', '));
      const fault = judge(now, thing);
      if (fault) { faults.add(`${fault}: ${JSON.stringify([now.map(({ name, wanted, end }) => [name, wanted, end]), thing])}`); }
      return;
    }
    const ready = active.filter(({ waitsUntil = 0 }) => waitsUntil <= thing.now);
    if (ready.length === 0) { return visit(now, { ...thing, now: Math.min(...active.map(({ waitsUntil }) => waitsUntil!)) }); }
    for (const one of ready) {
      const copies = now.map(actor => ({ ...actor }));
      const after: Thing = { ...thing };
      step(copies[now.indexOf(one)], after);
      visit(copies, after);
    }
  };
  visit(actors, { now: 1_000, value: 'none', claims: [], ...start });
  return { faults: [...faults].slice(0, 3), ends: [...ends].sort(), states: seen.size };
}

/** What is in force is what the complete resources want, and nothing is in force or claimed if there are none. */
const consistent = (left: string) => (actors: readonly Actor[], { value, claims }: Thing): string | undefined => {
  const wanted = new Set([
    ...actors.filter(({ end }) => end === 'complete').map(one => one.wanted),
    ...claims.filter(({ claimant }) => !actors.some(({ name }) => name === claimant)).map(one => one.wanted),
  ]);
  if (wanted.size > 1) { return 'two values are declared'; }
  const [declared] = wanted;
  // The deletion of a refused creation is still to come.
  if (declared === undefined && actors.some(({ end }) => end === 'refused')) { return undefined; }
  return value === (declared ?? left) ? undefined : `${value} is in force instead of ${declared ?? left}`;
};

test('two creations with one value share it, in every order', () => {
  const { faults, ends } = explore([creation('a', 'v'), creation('b', 'v')], {}, consistent('none'));
  expect({ faults, ends }).toEqual({ faults: [], ends: ['a complete, b complete'] });
});

test('of two creations with two values, at most one is complete, in every order', () => {
  const { faults, ends } = explore([creation('a', 'v'), creation('b', 'w')], {}, consistent('none'));
  expect(faults).toEqual([]);
  expect(ends).toEqual(expect.arrayContaining(['a complete, b refused', 'a refused, b complete']));
});

test('of three creations, no two with two values are complete', () => {
  expect(explore([creation('a', 'v'), creation('b', 'w'), creation('c', 'v')], {}, consistent('none')).faults).toEqual([]);
}, 60_000);

test('a creation with another value never replaces a held one, whatever its digest', () => {
  for (const name of ['a', 'z']) {
    const { faults, ends } = explore([creation(name, 'w')], { value: 'v', claims: [held('m', 'v')] }, consistent('v'));
    expect({ faults, ends }).toEqual({ faults: [], ends: [`${name} refused`] });
  }
});

test('the value stays with a creation that takes over from a deletion, in every order', () => {
  for (const [old, next] of [['a', 'b'], ['b', 'a']]) {
    const { faults, ends } = explore([deletion(old, 'v'), creation(next, 'v')], { value: 'v', claims: [held(old, 'v')] }, consistent('none'));
    expect({ faults, ends }).toEqual({ faults: [], ends: [`${old} gone, ${next} complete`] });
  }
});

test('the value goes with the last of two deletions, and stays if it was found', () => {
  for (const [found, left] of [['-', 'none'], ['v', 'v']]) {
    const claims = [held('a', 'v', found), held('b', 'v', found)];
    const { faults } = explore([deletion('a', 'v'), deletion('b', 'v')], { value: 'v', claims }, consistent(left));
    expect(faults).toEqual([]);
  }
});

test('what was in force without a claim is found by all, in every order', () => {
  const judge = (_actors: readonly Actor[], { claims }: Thing) => claims.every(({ found }) => found === 'v') ? undefined : 'not found';
  expect(explore([creation('a', 'v'), creation('b', 'v')], { value: 'v' }, judge).faults).toEqual([]);
});

test('what another creation has set is not found, in every order', () => {
  const judge = (_actors: readonly Actor[], { claims }: Thing) => claims.every(({ found }) => found === '-') ? undefined : 'found';
  expect(explore([creation('a', 'v'), creation('b', 'v')], {}, judge).faults).toEqual([]);
});

test('a creation whose claim a deletion has removed changes nothing more', () => {
  const me = callerOf(creation('a', 'v'), 1_000);
  expect(advance(me, { own: undefined, others: [] })).toEqual({ kind: 'superseded' });
  expect(advance(me, { own: { ...held('a', 'v'), call: 'later', sent: 200 }, others: [] })).toEqual({ kind: 'superseded' });
  expect(begin(me, { own: { ...held('a', 'v'), call: 'later', sent: 200 }, others: [] })).toEqual({ kind: 'superseded' });
});

test('the claims are read again some seconds after the value is in force', () => {
  const own: Claim = { ...held('a', 'v'), state: 'taking', call: 'ca', since: 1_000 };
  const at = (now: number) => advance(callerOf(creation('a', 'v'), now), { own, others: [] }).kind;
  expect([at(1_000), at(1_000 + READ_AGAIN_SECONDS)]).toEqual(['wait', 'apply']);
});

test('a holder does not change its value while another resource holds the one before', () => {
  const me = callerOf(creation('a', 'w'), 1_000);
  const other = held('b', 'v');
  expect(begin(me, { own: held('a', 'v'), others: [other] })).toEqual({ kind: 'refused', because: other, withdraw: false });
  expect(begin(me, { own: held('a', 'v'), others: [] })).toEqual({ kind: 'write', state: 'held' });
  expect(begin({ ...me, wanted: 'v' }, { own: held('a', 'v'), others: [other] })).toEqual({ kind: 'write', state: 'held' });
});

test('a creation waits for a resource that leaves, which may be about to remove the value, but not for ever', () => {
  const own: Claim = { ...held('a', 'v'), state: 'claiming', call: 'ca' };
  const at = (now: number) => advance(callerOf(creation('a', 'v'), now), { own, others: [{ ...held('b', 'v'), state: 'leaving', since: 1_000 }] }).kind;
  expect([at(1_200), at(1_400)]).toEqual(['wait', 'apply']);
});
