/** Values as they come through CloudFormation: every scalar a string. */

export function boolean(name: string, value: string | boolean): boolean {
  switch (String(value)) {
    case 'true': return true;
    case 'false': return false;
    default: throw new Error(`${name} must be true or false, got ${value}`);
  }
}

export function number(name: string, value: string | number): number {
  const parsed = Number(value);
  if (String(value).trim() === '' || !Number.isFinite(parsed)) { throw new Error(`${name} must be a number, got ${value}`); }
  return parsed;
}

export function integer(name: string, value: string | number): number {
  const parsed = number(name, value);
  if (!Number.isSafeInteger(parsed)) { throw new Error(`${name} must be a whole number, got ${value}`); }
  return parsed;
}

export function within(name: string, value: string | number, least: number, most: number): number {
  const parsed = integer(name, value);
  if (parsed < least || parsed > most) { throw new Error(`${name} must be a whole number from ${least} to ${most}, got ${value}`); }
  return parsed;
}
