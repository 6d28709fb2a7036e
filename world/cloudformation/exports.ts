import type { Stack } from './stack';

/** The exports of all stacks of the account. */
export class Exports {
  private readonly byName = new Map<string, { readonly value: string; readonly stack: Stack }>();

  constructor(private readonly stacks: () => readonly Stack[]) {}

  public value(name: string): string {
    const found = this.byName.get(name);
    if (!found) { throw new Error(`No export named ${name} found.`); }
    return found.value;
  }

  public publish(stack: Stack, outputs: Stack['outputs']): void {
    const wanted = new Map(Object.values(outputs).flatMap(({ exportName, value }) => exportName === undefined ? [] : [[exportName, value] as const]));
    for (const [name, { value, stack: owner }] of this.byName) {
      if (owner !== stack && wanted.has(name)) { throw new Error(`Export with name ${name} is already exported by stack ${owner.name}`); }
      if (owner !== stack || wanted.get(name) === value || this.importers(name).length === 0) { continue; }
      throw new Error(`Export ${name} cannot be ${wanted.has(name) ? 'updated' : 'deleted'} as it is in use by ${this.importers(name).join(', ')}`);
    }
    this.remove(stack);
    wanted.forEach((value, name) => this.byName.set(name, { value, stack }));
  }

  public refuseDeletion(stack: Stack): void {
    const used = this.of(stack).find(name => this.importers(name).length > 0);
    if (used) { throw new Error(`Export ${used} cannot be deleted as it is in use by ${this.importers(used).join(', ')}`); }
  }

  public remove(stack: Stack): void {
    this.of(stack).forEach(name => this.byName.delete(name));
  }

  private of(stack: Stack): string[] {
    return [...this.byName].filter(([, { stack: owner }]) => owner === stack).map(([name]) => name);
  }

  private importers(name: string): string[] {
    return this.stacks().filter(({ imports, status }) => imports.has(name) && status !== 'DELETE_COMPLETE').map(stack => stack.name);
  }
}
