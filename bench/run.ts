import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { PARENT_ID, type Measured, type PipelineName, type SinkOptions } from './options';
import { makeCertificate } from '../test/harness/certificate';

/**
 * Measures the copying worker beside other ways to do the same, in one run:
 *
 *     tsx bench/run.ts [--quick] [--rounds=n] [--profile]
 *
 * Absolute figures are the machine's; the ratios are what counts. `--quick`
 * moves a quarter of a GiB instead of four, and writes no report; `--profile` leaves a profile of the worker beside it.
 */
const quick = process.argv.includes('--quick');
const profile = process.argv.includes('--profile');
const GIB = 1024 ** 3;
const BLOCK = 512 * 1024;
const SIZE = quick ? GIB / 4 : 4 * GIB;
/** The naive loop takes too long with latency; its speed does not depend on the size. */
const LATE_NAIVE_SIZE = quick ? GIB / 16 : GIB / 2;
/** 3 %. */
const CHANGED_ONE_IN = 33;
const ROUNDS = Number(/^--rounds=(\d+)$/.exec(process.argv.find(arg => arg.startsWith('--rounds=')) ?? '')?.[1] ?? (quick ? 1 : 3));
const root = resolve(__dirname, '..');
const temporary = mkdtempSync(join(tmpdir(), 'bench-'));
const certificate = makeCertificate();

interface Input {
  /** @default raw */
  readonly format?: SinkOptions['format'];
  readonly size: number;
  readonly zeros: boolean;
  readonly latency: number;
  /** One block in so many differs from the parent. Absent: a full import. */
  readonly changedOneIn?: number;
}

interface Report {
  readonly cpuRatioToSha256: number;
  readonly cpuRatioToConcurrentSdk: number;
  readonly speedupOverNaive: number;
  readonly speedupOverNaiveAt30ms: number;
  readonly peakRssMiB: number;
}

async function main(): Promise<void> {
  for (const name of ['sink', 'pipeline']) {
    await build({
      entryPoints: [join(__dirname, `${name}.ts`)],
      outfile: join(temporary, `${name}.js`),
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      mainFields: ['module', 'main'],
      logLevel: 'warning',
    });
  }
  const dense = await compare('dense', false);
  const zeros75 = await compare('75 % zeros', true);
  const report = { dense, zeros75, incremental3: await compareIncrement() };
  console.log(JSON.stringify(report, undefined, 2));
  if (!quick) { writeFileSync(join(__dirname, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`); }
}

async function compare(title: string, zeros: boolean): Promise<Report> {
  const at = { size: SIZE, zeros, latency: 0 };
  const [sha256, naive, concurrent, worker] = await inTurns([['sha256', at], ['naive', at], ['concurrent', at], ['worker', at]]);
  const [qcow2, zstd] = await inTurns([['worker', { ...at, format: 'QCOW2' }], ['worker', { ...at, format: 'ZSTD' }]]);
  const late = { ...at, latency: 30 };
  const [lateNaive, lateWorker] = await inTurns([['naive', { ...late, size: LATE_NAIVE_SIZE }], ['worker', late]], 1);

  console.log(`\n${title}, ${SIZE / GIB} GiB, HTTPS${ROUNDS > 1 ? `, medians of ${ROUNDS}` : ''}; load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
  console.table(Object.fromEntries([
    ['SHA-256 alone', sha256], ['naive loop', naive], ['SDK, 64 puts at once', concurrent], ['worker', worker],
    ['naive loop, 30 ms a put', lateNaive], ['worker, 30 ms a put', lateWorker],
    ['worker, qcow2', qcow2], ['worker, zstd', zstd],
  ].map(([name, { speed, cpu, peakRssMiB }]: any) => [name, {
    'MB/s': Math.round(speed), 'CPU s/GiB': round(cpu), '× SHA-256': round(cpu / sha256.cpu), 'peak RSS MiB': Math.round(peakRssMiB),
  }])));
  return {
    cpuRatioToSha256: round(worker.cpu / sha256.cpu),
    cpuRatioToConcurrentSdk: round(worker.cpu / concurrent.cpu),
    speedupOverNaive: round(worker.speed / naive.speed),
    speedupOverNaiveAt30ms: round(lateWorker.speed / lateNaive.speed),
    peakRssMiB: Math.round(Math.max(worker.peakRssMiB, lateWorker.peakRssMiB)),
  };
}

/** An image of which 3 % changed, against a full import of it. */
async function compareIncrement(): Promise<{ puts: number; changedBlocks: number; cpuRatioToFull: number }> {
  const at = { size: SIZE, zeros: false, latency: 0 };
  const [full, worker] = await inTurns([['worker', at], ['worker', { ...at, changedOneIn: CHANGED_ONE_IN }]]);
  console.log(`\n3 % changed, ${SIZE / GIB} GiB, HTTPS${ROUNDS > 1 ? `, medians of ${ROUNDS}` : ''}; load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
  console.table(Object.fromEntries([['full import', full], ['increment', worker]].map(([name, { speed, cpu, puts }]: any) => [name, {
    'MB/s': Math.round(speed), 'CPU s/GiB': round(cpu), 'blocks put': puts,
  }])));
  return { puts: worker.puts, changedBlocks: Math.ceil(SIZE / BLOCK / CHANGED_ONE_IN), cpuRatioToFull: round(worker.cpu / full.cpu) };
}

interface Result {
  /** MB/s. */
  readonly speed: number;
  /** CPU seconds per GiB. */
  readonly cpu: number;
  readonly peakRssMiB: number;
  /** Different blocks that the sink took. */
  readonly puts: number;
}

/** Each in turn, several times: what else the machine does then slows down all of them alike. */
async function inTurns(runs: readonly (readonly [PipelineName, Input])[], rounds = ROUNDS): Promise<Result[]> {
  const results: Result[][] = runs.map(() => []);
  for (let turn = 0; turn < rounds; turn++) {
    for (const [i, [name, input]] of runs.entries()) {
      const { seconds, cpuSeconds, peakRssMiB, puts } = await measure(name, input);
      results[i].push({ speed: input.size / 1e6 / seconds, cpu: cpuSeconds / (input.size / GIB), peakRssMiB, puts });
    }
  }
  return results.map(all => ({
    speed: median(all.map(one => one.speed)),
    cpu: median(all.map(one => one.cpu)),
    peakRssMiB: Math.max(...all.map(one => one.peakRssMiB)),
    puts: Math.max(...all.map(one => one.puts)),
  }));
}

async function measure(name: PipelineName, input: Input): Promise<Measured & { readonly puts: number }> {
  const sink = await startSink(input);
  let puts = 0;
  let measured: Measured;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...(profile && name === 'worker' ? ['--cpu-prof', `--cpu-prof-dir=${join(root, 'bench', 'profiles')}`] : []),
      join(temporary, 'pipeline.js'), name, String(input.size), join(root, 'assets', 'transfer-copy', 'index.js'), String(input.zeros),
    ], {
      env: {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL: sink.url,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'bench',
        AWS_SECRET_ACCESS_KEY: 'bench',
        AWS_SESSION_TOKEN: 'bench',
        TRANSFER_BUCKET: 'transfers',
        NODE_EXTRA_CA_CERTS: certificate.cert,
      },
      maxBuffer: GIB,
    });
    measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
  } finally {
    puts = await sink.stop();
  }
  return { ...measured, puts };
}

/** `stop` tells how many different blocks it took. */
async function startSink({ size, zeros, latency, changedOneIn, format = 'RAW' }: Input): Promise<{ readonly url: string; stop(): Promise<number> }> {
  const blocks = size / BLOCK;
  const plan = {
    // The sink, which makes it, says how large it is.
    source: { bucket: 'images', key: 'disk.img', etag: '"image"', size },
    blocks,
    rangeBlocks: blocks,
    // As fast as it goes: pacing is measured on its own.
    putsPerSecond: 1e6,
    ...(zeros && { zeroBlocks: 'OMIT' }),
    ...(changedOneIn !== undefined && { parent: { snapshotId: PARENT_ID, recorded: { blocks, rangeBlocks: blocks } } }),
  };
  const options: SinkOptions = { format, size, zeros, latency, changedOneIn, ...certificate, plan };
  const child = spawn(process.execPath, [join(temporary, 'sink.js'), JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value: url } = await lines.next() as { value: string };
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      return Number((await lines.next()).value);
    },
  };
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function round(number: number): number {
  return Number(number.toPrecision(3));
}

main().catch(error => { console.error(error); process.exitCode = 1; });
