import { readFileSync } from 'fs';
import { join } from 'path';
import { inEnvironment } from './assets';
import type { TemplateBody } from './template';

interface Artifact {
  readonly type: string;
  readonly displayName?: string;
  readonly properties?: Record<string, any>;
  readonly dependencies?: string[];
}

/** One stack of a synthesized cloud assembly. */
export interface StackArtifact {
  readonly name: string;
  readonly directory: string;
  readonly template: TemplateBody;
  readonly assetManifests: string[];
  readonly parameters: Record<string, string>;
  readonly tags: Record<string, string>;
}

/** A cloud assembly: the directory, or what `app.synth()` returns. */
export type Assembly = string | { readonly directory: string };

/** Finds a stack by its name, or by its path in the app. Without a name there must be just one. */
export function findStack(assembly: Assembly, name?: string): StackArtifact {
  const stacks = stacksIn(typeof assembly === 'string' ? assembly : assembly.directory);
  const found = name === undefined ? stacks : stacks.filter(stack => [stack.name, stack.id, stack.path].includes(name));
  if (found.length !== 1) {
    throw new Error(`${name === undefined ? 'say which stack to deploy' : `there is no single stack ${name}`}: the assembly has ${
      stacks.map(stack => stack.name).join(', ')}`);
  }
  return found[0];
}

function stacksIn(directory: string): (StackArtifact & { id: string; path?: string })[] {
  const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as { artifacts?: Record<string, Artifact> };
  const artifacts = manifest.artifacts ?? {};
  return Object.entries(artifacts).flatMap(([id, { type, properties = {}, dependencies = [], displayName }]) => {
    if (type === 'cdk:cloud-assembly') { return stacksIn(join(directory, properties.directoryName)); }
    if (type !== 'aws:cloudformation:stack') { return []; }
    return [{
      id,
      path: displayName,
      name: properties.stackName ?? id,
      directory,
      template: JSON.parse(readFileSync(join(directory, properties.templateFile), 'utf8')) as TemplateBody,
      assetManifests: dependencies.filter(other => artifacts[other]?.type === 'cdk:asset-manifest')
        .map(other => join(directory, artifacts[other].properties!.file)),
      parameters: Object.fromEntries(Object.entries(properties.parameters ?? {}).map(([key, value]) => [key, inEnvironment(String(value))])),
      tags: properties.tags ?? {},
    }];
  });
}
