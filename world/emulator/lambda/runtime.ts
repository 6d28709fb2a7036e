import { existsSync } from 'node:fs';
import path from 'node:path';
import { REGION } from '../environment';
import type { Credentials } from '../server';
import { ServiceError } from '../service';

const REPOSITORY = path.resolve(__dirname, '../../..');
const NODE_MAJOR = 24;

export const LOG_STREAM = 'emulated';

export const BOOTSTRAP = path.join(__dirname, 'bootstrap.cjs');

/** The Node.js of Lambda's runtime, whatever the host has. */
export function runtimeBinary(): string {
  if (process.version.startsWith(`v${NODE_MAJOR}.`)) { return process.execPath; }
  const packaged = path.join(REPOSITORY, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(packaged)) { throw new Error(`functions run on Node.js ${NODE_MAJOR}, but '${packaged}' is missing: install the package 'node'`); }
  return packaged;
}

export interface FunctionSettings {
  readonly functionName: string;
  readonly codeDirectory: string;
  readonly handler: string;
  readonly environment: Record<string, string>;
  readonly memorySize: number;
}

/** Lambda refuses these in a function's configuration. */
const RESERVED = new Set([
  '_HANDLER', '_X_AMZN_TRACE_ID', 'AWS_DEFAULT_REGION', 'AWS_REGION', 'AWS_EXECUTION_ENV', 'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 'AWS_LAMBDA_FUNCTION_VERSION', 'AWS_LAMBDA_INITIALIZATION_TYPE', 'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME', 'AWS_ACCESS_KEY', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_TASK_ROOT', 'LAMBDA_RUNTIME_DIR',
]);

export function checkEnvironment(environment: Record<string, string>): void {
  const reserved = Object.keys(environment).filter(key => RESERVED.has(key));
  if (reserved.length > 0) {
    throw new ServiceError('InvalidParameterValueException', 400, 'Lambda was unable to configure your environment variables because the environment '
      + `variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved}`);
  }
  if (Buffer.byteLength(JSON.stringify(environment)) > 4096) {
    throw new ServiceError('InvalidParameterValueException', 400,
      'Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.');
  }
}

/** The whole environment of a function's process: the template's, Lambda's, and where the emulator is. */
export function processEnvironment(settings: FunctionSettings, credentials: Credentials, endpoint: string): Record<string, string> {
  return {
    // The runtime brings its own SDK, for functions that are not bundled.
    NODE_PATH: path.join(REPOSITORY, 'node_modules'),
    AWS_ENDPOINT_URL: endpoint,
    // Nothing of the host's own configuration.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: 'UTC',
    ...settings.environment,
    _HANDLER: settings.handler,
    LAMBDA_TASK_ROOT: settings.codeDirectory,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${NODE_MAJOR}.x`,
    AWS_LAMBDA_FUNCTION_NAME: settings.functionName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memorySize),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: LOG_STREAM,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: 'session',
  };
}
