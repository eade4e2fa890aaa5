import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { ModelRegistry } from '../runtime/models/model-registry.ts'
import { listOwnPrices } from './model-price-queries.ts'

interface PriceServices {
  database: Database
  models: ModelRegistry
  log: Log
}

const everyMs = 5000

/** Reads the prices that admins set and gives them to the models. */
export async function refreshModelPrices({ database, models }: Omit<PriceServices, 'log'>): Promise<void> {
  const prices = await database.asSystem('prices of models are the same for everybody', listOwnPrices)
  models.setOwnPrices(new Map(prices.map(({ model, input, output }) => [model, { input, output }])))
}

/** Keeps this server's prices within seconds of what an admin set on any server. Throws when they cannot be read at first. */
export async function keepModelPrices(services: PriceServices): Promise<{ stop(): Promise<void> }> {
  await refreshModelPrices(services)
  let refreshing: Promise<void> | null = null
  const timer = setInterval(() => {
    // One that waits for the database is not joined by more.
    refreshing ??= refreshModelPrices(services)
      .catch((err: unknown) => services.log.warn({ err }, 'prices of models could not be read; the former ones stay'))
      .finally(() => {
        refreshing = null
      })
  }, everyMs)
  return {
    async stop() {
      clearInterval(timer)
      await refreshing
    },
  }
}
