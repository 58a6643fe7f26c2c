// Serves Stripe's webhooks with the Node sync engine: POST them to any path. GET tells what was done with them.
//
//   node server.cjs DATABASE_URL PORT SECRET
//
// The engine is given all that makes it fast: no calls of Stripe's API for what an event does not carry, no log, and
// as many connections as it takes by default. What it cannot do without the API, or not at all, is answered at once
// and counted as skipped.

const { createServer } = require('node:http')

// As an ES module, the engine does not find its own migrations.
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine')

const [databaseUrl, port, secret] = process.argv.slice(2)
const counts = { synced: 0, skipped: 0, failed: 0 }

const engine = new StripeSync({
  poolConfig: { connectionString: databaseUrl },
  stripeSecretKey: 'sk_test_of_nobody',
  stripeWebhookSecret: secret,
  backfillRelatedEntities: false,
  autoExpandLists: false,
})

// Checkout sessions are stored with their line items, which the engine asks Stripe for.
const needsApi = (body) => body.includes('"checkout.session.')

async function take(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  if (needsApi(body)) {
    counts.skipped += 1
    return 200
  }
  try {
    await engine.processWebhook(body, request.headers['stripe-signature'])
    counts.synced += 1
    return 200
  } catch (error) {
    if (error.message === 'Unhandled webhook event') {
      counts.skipped += 1
      return 200
    }
    if (counts.failed === 0) console.error(error)
    counts.failed += 1
    return 400
  }
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify(counts))
    return
  }
  const status = await take(request)
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end('{"received":true}')
})

// Migrations that fail are told to the logger, and nothing else.
const logger = { info() {}, error: console.error }
runMigrations({ databaseUrl, schema: 'stripe', logger }).then(() =>
  server.listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`)),
)
