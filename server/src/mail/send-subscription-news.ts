import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { Mailer } from './open-mailer.ts'
import { giveNewsBack, takeSubscriptionNews } from './subscription-news-queries.ts'
import { writeSubscriptionNews } from './write-subscription-news.ts'

const reason = 'everybody is told what happened to their plan'

/**
 * Tells of failed payments, of subscriptions that ended and of answers to requests, each once; nothing without a mail
 * server. Any number of servers may do it at once.
 */
export async function sendSubscriptionNews(
  { database, mailer, log }: { database: Database; mailer: Mailer; log: Log },
  now = new Date(),
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  while (mailer.isConfigured && !signal.aborted) {
    const news = await database.asSystem(reason, (tx) => takeSubscriptionNews(tx, now))
    if (!news) return
    const outcome = await mailer.send(writeSubscriptionNews(news, mailer.siteUrl), signal)
    if (outcome.kind === 'sent') continue
    log.warn({ user_id: news.user_id, reason: outcome.reason }, 'an e-mail about a subscription was not sent')
    if (outcome.kind === 'unknown') continue
    await database.asSystem(reason, (tx) => giveNewsBack(tx, news, outcome))
    // A mail server that is away is asked again in a minute.
    if (!outcome.isFinal) return
  }
}
