import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../folders';

export interface Shape {
  readonly type: 'structure' | 'list' | 'string' | 'integer' | 'long' | 'double' | 'boolean' | 'timestamp' | 'blob';
  readonly members?: Record<string, Member>;
  readonly member?: Member;
  readonly required?: string[];
  readonly payload?: string;
  readonly enum?: string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly error?: { readonly httpStatusCode: number };
}

export interface Member {
  readonly shape: string;
  readonly location?: 'uri' | 'querystring' | 'header';
  readonly locationName?: string;
}

export interface Operation {
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input: { readonly shape: string };
  readonly output?: { readonly shape: string };
  readonly errors: { readonly shape: string }[];
}

export interface Model {
  readonly operations: Record<string, Operation>;
  readonly shapes: Record<string, Shape>;
}

export function loadModel(name: string): Model {
  return JSON.parse(readFileSync(join(ROOT, 'test', 'emulator', 'models', `${name}.json`), 'utf8')) as Model;
}
