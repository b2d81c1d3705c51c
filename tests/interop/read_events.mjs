// Reads an event file with jsroot and prints what it finds as JSON.
//   node read_events.mjs FILE

import { openFile } from 'jsroot/io';
import { TSelector, treeProcess } from 'jsroot/tree';

// 64-bit integers arrive as BigInt, which JSON does not know.
const plain = (value) => {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value?.length !== undefined) return Array.from(value, plain);
  return value;
};

async function summary(file, name, branches, first) {
  const tree = await file.readObject(name);
  const selector = new TSelector();
  branches.forEach((branch) => selector.addBranch(branch));
  const found = { entries: tree.fEntries, weight: 0, accepted: 0, particles: 0, rows: [] };
  selector.Process = function () {
    found.weight += this.tgtobj.weight;
    if (this.tgtobj.accepted) found.accepted += this.tgtobj.weight;
    found.particles += this.tgtobj.particles_pdg?.length ?? 0;
    if (found.rows.length < first)
      found.rows.push(Object.fromEntries(branches.map((b) => [b, plain(this.tgtobj[b])])));
  };
  await treeProcess(tree, selector);
  return found;
}

const file = await openFile(process.argv[2]);
const metadata = await file.readObject('metadata');
// A partial file has no spectrum yet.
const spectrum = await file.readObject('parent_spectrum').catch(() => null);
console.log(JSON.stringify({
  arrivals: await summary(file, 'arrivals', ['event', 'weight', 'pdg', 'energy', 'mode'], 3),
  detections: await summary(
    file, 'detections', ['event', 'weight', 'accepted', 'particles_pdg', 'particles_energy'], 3),
  metadata: metadata.fString,
  spectrum: spectrum && Array.from(spectrum.fArray).slice(1, -1),
}));
