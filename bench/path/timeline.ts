import type { Activity } from '../../world/emulator/latency';

/** A piece of the critical path. */
export interface Step {
  readonly name: string;
  /** `service`: AWS takes this time, whoever calls it. */
  readonly whose: 'service' | 'ours';
  readonly seconds: number;
}

/** A time in which a service works, so that nobody can be faster. */
export interface ServiceSpan {
  readonly name: string;
  readonly began: number;
  readonly ended: number;
}

/** A function whose processes work side by side; the path shows all of them as one step. */
export interface Crew {
  readonly functionName: RegExp;
  readonly name: string;
  /** Seconds of its work that the service takes, whoever calls it, and their name. */
  readonly least?: { readonly seconds: number; readonly name: string };
}

export interface Course {
  readonly activities: readonly Activity[];
  readonly from: number;
  readonly to: number;
  readonly services: readonly ServiceSpan[];
  readonly crews: readonly Crew[];
  /** Says whether something happens beside the critical path. */
  readonly isAside?: (activity: Activity) => boolean;
}

interface Slice {
  readonly began: number;
  readonly ended: number;
  readonly name: string;
  readonly whose: Step['whose'];
}

/**
 * Returns the steps of the critical path, found from its end: an activity began when the one ended that it had waited for. Where a service or a
 * crew was at work, the path shows that instead.
 */
export function timeline(course: Course): Step[] {
  const crews = course.crews.flatMap(crew => slicesOf(crew, course));
  const services = course.services.map(({ name, began, ended }): Slice => ({ name, began, ended, whose: 'service' }));
  const slices = overlay(overlay(pathOf(course), crews), services)
    .map(slice => ({ ...slice, began: Math.max(slice.began, course.from), ended: Math.min(slice.ended, course.to) }))
    .filter(({ began, ended }) => ended > began);
  return merged(slices);
}

export function secondsOf(steps: readonly Step[], whose?: Step['whose']): number {
  return steps.filter(step => whose === undefined || step.whose === whose).reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Returns the activities that waited for each other, and the pauses between them. */
function pathOf({ activities, from, to, isAside }: Course): Slice[] {
  const slices: Slice[] = [];
  const left = activities
    .filter(activity => activity.ended > activity.began && activity.began >= from && activity.ended <= to && !isAside?.(activity))
    .sort((a, b) => a.ended - b.ended || b.began - a.began);
  let at = to;
  const add = (began: number, name: string, whose: Step['whose']) => {
    if (began < at) { slices.push({ began, ended: at, name, whose }); }
    at = began;
  };
  for (let last = left.pop(); last; last = left.pop()) {
    if (last.ended > at) { continue; }
    add(last.ended, 'pause before the next look', 'ours');
    add(last.began, ...labelOf(last));
  }
  add(from, 'unknown', 'ours');
  return slices.reverse();
}

function labelOf({ kind, name, by, cold }: Activity): [string, Step['whose']] {
  switch (kind) {
    case 'request': return ['CloudFormation: dispatch', 'service'];
    case 'response': return ['CloudFormation: pick-up', 'service'];
    case 'queue': return ['Lambda: queue', 'service'];
    case 'eventDelivery': return ['EventBridge: delivery', 'ours'];
    case 'start': return [`${shortName(name)}: ${cold ? 'cold' : 'warm'} start`, 'ours'];
    case 'transition': return ['Step Functions: transition', 'ours'];
    case 'mapRun': return ['Step Functions: start of a Distributed Map', 'ours'];
    case 'mapChild': return ['Step Functions: start of a child', 'ours'];
    case 'call': return [`${shortName(by!)}: ${name}`, 'ours'];
    case 'network': return [shortName(by!), 'ours'];
  }
}

/** Takes the stack's name, the id of the construct library and CloudFormation's suffix off the name of a function. */
export function shortName(functionName: string): string {
  return /([A-Z][A-Za-z]*?)[0-9A-F]{8}-[0-9A-F]{12}$/.exec(functionName)?.[1] ?? functionName;
}

function slicesOf({ functionName, name, least }: Crew, { activities }: Course): Slice[] {
  const own = activities.filter(activity => functionName.test(activity.by ?? (activity.kind === 'start' ? activity.name : '')));
  if (own.length === 0) { return []; }
  const began = own.reduce((first, activity) => Math.min(first, activity.began), Infinity);
  const ended = own.reduce((last, activity) => Math.max(last, activity.ended), 0);
  const middle = Math.min(ended, began + (least?.seconds ?? 0) * 1000);
  return [
    ...least ? [{ began, ended: middle, name: least.name, whose: 'service' as const }] : [],
    { began: middle, ended, name, whose: 'ours' },
  ];
}

/** Returns the slices, with those of `upper` in place of what is under them. */
function overlay(slices: readonly Slice[], upper: readonly Slice[]): Slice[] {
  const left = upper.reduce((rest, { began, ended }) => rest.flatMap(slice => [
    { ...slice, ended: Math.min(slice.ended, began) }, { ...slice, began: Math.max(slice.began, ended) },
  ]).filter(slice => slice.ended > slice.began), [...slices]);
  return [...left, ...withoutOverlap(upper)].sort((a, b) => a.began - b.began);
}

function withoutOverlap(slices: readonly Slice[]): Slice[] {
  let at = -Infinity;
  return [...slices].sort((a, b) => a.began - b.began || b.ended - a.ended).flatMap(slice => {
    const began = Math.max(slice.began, at);
    at = Math.max(at, slice.ended);
    return slice.ended > began ? [{ ...slice, began }] : [];
  });
}

/** Joins neighbours of one name, and calls of one function. */
function merged(slices: readonly Slice[]): Step[] {
  const groups: { name: string; whose: Step['whose']; details: string[]; milliseconds: number }[] = [];
  for (const { began, ended, name, whose } of slices) {
    const [group, detail] = name.split(/: (?=[a-z0-9]+:[A-Z])/);
    const last = groups.at(-1);
    if (last?.name === group && last.whose === whose) {
      last.milliseconds += ended - began;
      if (detail) { last.details.push(detail); }
    } else {
      groups.push({ name: group, whose, details: detail ? [detail] : [], milliseconds: ended - began });
    }
  }
  return groups.map(({ name, whose, details, milliseconds }) =>
    ({ name: details.length > 0 ? `${name}: ${counted(details)}` : name, whose, seconds: milliseconds / 1000 }));
}

function counted(details: readonly string[]): string {
  const names = [...new Set(details)];
  return names.map(name => {
    const times = details.filter(other => other === name).length;
    return times > 1 ? `${name} × ${times}` : name;
  }).join(', ');
}
