/** Values as they come through CloudFormation, where every scalar is a string. `prop` is the prop as the user writes it, without quotes. */

export function boolean(prop: string, value: string | boolean): boolean {
  switch (String(value)) {
    case 'true': return true;
    case 'false': return false;
    default: throw new Error(`'${prop}' must be true or false, got ${value}`);
  }
}

/** Reads a flag that only the construct sets, so that a user never sees it refused. Absent means false. */
export function flag(value: string | boolean | undefined): boolean {
  return String(value) === 'true';
}

export function number(prop: string, value: string | number): number {
  const parsed = Number(value);
  if (String(value).trim() === '' || !Number.isFinite(parsed)) { throw new Error(`'${prop}' must be a number, got ${value}`); }
  return parsed;
}

export function integer(prop: string, value: string | number): number {
  const parsed = number(prop, value);
  if (!Number.isSafeInteger(parsed)) { throw new Error(`'${prop}' must be a whole number, got ${value}`); }
  return parsed;
}

export function within(prop: string, value: string | number, least: number, most: number): number {
  const parsed = integer(prop, value);
  if (parsed < least || parsed > most) { throw new Error(`'${prop}' must be a whole number from ${least} to ${most}, got ${value}`); }
  return parsed;
}
