/** Keeps one core busy, in turns short enough to notice that its parent is gone. */
const TURN_MS = 50;

function spin(): void {
  const end = performance.now() + TURN_MS;
  while (performance.now() < end);
  setImmediate(spin);
}

process.once('disconnect', () => process.exit(0));
process.on('message', () => {});
spin();
