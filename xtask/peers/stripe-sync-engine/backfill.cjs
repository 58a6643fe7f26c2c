// Brings in an account's objects with the Node sync engine, or only pages through its customers.
//
//   node backfill.cjs migrate DATABASE_URL
//   node backfill.cjs sync DATABASE_URL STRIPE_PORT KEY OBJECT…
//   node backfill.cjs list STRIPE_PORT KEY
//
// The engine is given all that makes it fast: no calls for what a page does not carry, no log, and as many connections
// as it takes by default. What was done is told in one line of JSON.

// As an ES module, the engine does not find its own migrations.
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine')
const Stripe = require('stripe')

const [mode, ...args] = process.argv.slice(2)

function client(port, key) {
  return new Stripe(key, { host: '127.0.0.1', port: Number(port), protocol: 'http', maxNetworkRetries: 5 })
}

async function sync(databaseUrl, port, key, objects) {
  const engine = new StripeSync({
    poolConfig: { connectionString: databaseUrl },
    stripeSecretKey: key,
    stripeWebhookSecret: 'whsec_of_nobody',
    backfillRelatedEntities: false,
    autoExpandLists: false,
  })
  engine.stripe = client(port, key)
  const counts = {}
  for (const object of objects) {
    for (const [kind, done] of Object.entries(await engine.syncBackfill({ object }))) {
      if (done) counts[kind] = done.synced
    }
  }
  return counts
}

async function list(port, key) {
  let customers = 0
  for await (const _ of client(port, key).customers.list({ limit: 100 })) customers += 1
  return { customers }
}

async function main() {
  if (mode === 'migrate') {
    // Migrations that fail are told to the logger, and nothing else.
    await runMigrations({ databaseUrl: args[0], schema: 'stripe', logger: { info() {}, error: console.error } })
    return {}
  }
  if (mode === 'sync') return sync(args[0], args[1], args[2], args.slice(3))
  return list(args[0], args[1])
}

main().then((counts) => {
  console.log(JSON.stringify(counts))
  process.exit(0)
})
