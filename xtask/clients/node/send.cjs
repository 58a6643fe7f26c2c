// Sends what `crates/growthctl/tests/it/segment_clients.rs` expects, and prints what the client's callbacks told.
//
//   node send.cjs HOST KEY
//
// Nothing but the host is set. `send.py` sends the same.
'use strict';

const { Analytics } = require('@segment/analytics-node');

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host });

const told = { succeeded: 0, failed: 0, problems: new Set() };

function send(kind, call) {
  analytics[kind](call, (problem) => {
    if (problem) {
      told.failed += 1;
      told.problems.add(String(problem));
    } else {
      told.succeeded += 1;
    }
  });
}

async function main() {
  // Two visitors of whom nobody knows yet who they are.
  send('page', { anonymousId: 'v1', category: 'docs', name: 'Pricing', properties: { path: '/pricing' } });
  send('track', { anonymousId: 'v1', event: 'Button Clicked' });
  send('track', { anonymousId: 'v2', event: 'Searched' });
  await analytics.flush();

  // Both are the same person.
  const traits = { email: 'ann@example.com', createdAt: new Date('2026-06-01T00:00:00Z') };
  send('identify', { userId: 'ann', anonymousId: 'v1', traits });
  send('alias', { userId: 'ann', previousId: 'v2' });
  send('track', { anonymousId: 'v1', event: 'Button Clicked' });
  send('screen', { userId: 'ann', name: 'Home' });
  send('group', { userId: 'ann', groupId: 'g1', traits: { name: 'Label' } });
  for (let number = 0; number < 250; number += 1) {
    const properties = { number, contacts: 2 };
    send('track', { userId: `user-${number % 10}`, event: 'Enrichment Completed', properties });
  }
  await analytics.closeAndFlush();
  console.log(JSON.stringify({ ...told, problems: [...told.problems].sort() }));
}

main();
