import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The source of the diagrams in docs/: boxes, and arrows from one to another. Drawn by `npx projen drawings`. */

type Look = 'step' | 'thing' | 'frame';
type Side = 'left' | 'right' | 'top' | 'bottom';

interface Box {
  readonly at: [x: number, y: number];
  readonly size?: [width: number, height: number];
  readonly look?: Look;
  readonly text: string;
  readonly small?: string;
  /** Drawn as a pile: there are several. */
  readonly several?: boolean;
}

interface Drawing {
  readonly title: string;
  readonly size: [width: number, height: number];
  readonly boxes: Record<string, Box>;
  /** `from.side` to `to.side`, and what the arrow says. */
  readonly arrows: [from: `${string}.${Side}`, to: `${string}.${Side}`, label?: string][];
}

export const DRAWINGS: Record<string, Drawing> = {
  'import': {
    title: 'How an import works',
    size: [900, 320],
    boxes: {
      cloudformation: { at: [20, 30], text: 'CloudFormation' },
      onEvent: { at: [230, 30], look: 'step', text: 'onEvent', small: 'pin, StartSnapshot' },
      isComplete: { at: [440, 30], look: 'step', text: 'isComplete', small: 'start it, ask, clean up' },
      machine: { at: [220, 120], size: [660, 85], look: 'frame', text: 'state machine' },
      plan: { at: [240, 148], size: [110, 46], look: 'step', text: 'plan' },
      copy: { at: [385, 148], size: [120, 46], look: 'step', text: 'copy', small: '7 workers', several: true },
      seal: { at: [540, 148], size: [120, 46], look: 'step', text: 'seal', small: 'CompleteSnapshot' },
      verify: { at: [695, 148], size: [165, 46], look: 'step', text: 'settle, verify', small: 'wait, read back' },
      image: { at: [230, 255], text: 'image in S3', small: 'one pinned version' },
      snapshot: { at: [440, 255], size: [170, 50], text: 'EBS snapshot', small: '512 KiB blocks, SHA-256' },
      bucket: { at: [690, 255], size: [170, 50], text: 'transfer bucket', small: 'plan, digests' },
    },
    arrows: [
      ['cloudformation.right', 'onEvent.left'], ['onEvent.right', 'isComplete.left'], ['isComplete.bottom', 'machine.top'],
      ['plan.right', 'copy.left'], ['copy.right', 'seal.left'], ['seal.right', 'verify.left'],
      ['image.top', 'copy.bottom'], ['copy.bottom', 'snapshot.top'], ['seal.bottom', 'bucket.top'],
    ],
  },
  'file-system': {
    title: 'How a file system outlives its stack',
    size: [900, 300],
    boxes: {
      first: { at: [20, 40], size: [180, 50], text: 'stack, first time', small: 'FileSystem with RETAIN' },
      deleted: { at: [360, 40], size: [180, 50], text: 'stack is deleted' },
      again: { at: [700, 40], size: [180, 50], text: 'stack, once more', small: 'the same construct' },
      create: { at: [20, 130], size: [180, 50], look: 'step', text: 'create', small: 'token, ownership tags' },
      release: { at: [360, 130], size: [180, 50], look: 'step', text: 'retain', small: 'mount targets go' },
      adopt: { at: [700, 130], size: [180, 50], look: 'step', text: 'adopt', small: 'same token, our tags' },
      files: { at: [20, 230], size: [860, 50], text: 'fs-0123456789abcdef0', small: 'one file system, the same data all the time' },
    },
    arrows: [
      ['first.right', 'deleted.left', 'later'], ['deleted.right', 'again.left', 'later'],
      ['first.bottom', 'create.top'], ['deleted.bottom', 'release.top'], ['again.bottom', 'adopt.top'],
      ['create.bottom', 'files.top'], ['adopt.bottom', 'files.top'],
    ],
  },
};

const SIZE: [number, number] = [150, 50];
const STYLE = [
  '.thing{fill:#fff;stroke:#444}', '.step{fill:#eef4fb;stroke:#2b6cb0}', '.frame{fill:#f7f7f7;stroke:#999;stroke-dasharray:5 4}',
  '.line{stroke:#444;fill:none;marker-end:url(#to)}', 'text{fill:#111;text-anchor:middle}', '.small{font-size:12px;fill:#555}',
].join('');

export function svg({ title, size: [width, height], boxes, arrows }: Drawing): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="14">`,
    '  <!-- Drawn by projenrc/drawings.ts: change that, and run "npx projen drawings". -->',
    `  <title>${title}</title>`,
    '  <defs>',
    '    <marker id="to" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#444"/></marker>',
    `    <style>${STYLE}</style>`,
    '  </defs>',
    `  <rect width="${width}" height="${height}" fill="#fff"/>`,
    ...Object.values(boxes).map(box => `  ${drawBox(box)}`),
    ...arrows.map(([from, to, label]) => `  ${drawArrow(boxes, from, to, label)}`),
    '</svg>',
    '',
  ].join('\n');
}

function drawBox({ at: [x, y], size: [width, height] = SIZE, look = 'thing', text, small, several }: Box): string {
  const rect = (shift: number) => `<rect class="${look}" x="${x + shift}" y="${y - shift}" width="${width}" height="${height}" rx="6"/>`;
  if (look === 'frame') { return `${rect(0)}<text class="small" x="${x + width - 60}" y="${y + 18}">${text}</text>`; }
  const middle = x + width / 2;
  const center = y + height / 2;
  const lines = small === undefined
    ? `<text x="${middle}" y="${center + 5}">${text}</text>`
    : `<text x="${middle}" y="${center - 2}">${text}</text><text class="small" x="${middle}" y="${center + 15}">${small}</text>`;
  return `${several ? rect(6) : ''}${rect(0)}${lines}`;
}

function drawArrow(boxes: Record<string, Box>, from: string, to: string, label?: string): string {
  const [[x1, y1], [x2, y2]] = [from, to].map((end, i) => {
    const [name, side] = end.split('.') as [string, Side];
    const { at: [x, y], size: [width, height] = SIZE } = boxes[name];
    // Into a wide box it goes straight.
    const other = boxes[[from, to][1 - i].split('.')[0]];
    const middle = width > 4 * (other.size ?? SIZE)[0] ? other.at[0] + (other.size ?? SIZE)[0] / 2 : x + width / 2;
    return { left: [x, y + height / 2], right: [x + width, y + height / 2], top: [middle, y], bottom: [middle, y + height] }[side];
  });
  const text = label === undefined ? '' : `<text class="small" x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - 6}">${label}</text>`;
  return `<path class="line" d="M${x1} ${y1}L${x2} ${y2}"/>${text}`;
}

if (require.main === module) {
  for (const [name, drawing] of Object.entries(DRAWINGS)) { writeFileSync(join(resolve(__dirname, '..', 'docs'), `${name}.svg`), svg(drawing)); }
}
