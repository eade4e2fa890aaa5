import type { MailText } from './open-mailer.ts'
import type { SubscriptionNews } from './subscription-news-queries.ts'

interface Paragraphs {
  subject: string
  happened: string
  means: string
  todo: string
  path: string
}

const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })

const paragraphsOf: Record<SubscriptionNews['kind'], (news: SubscriptionNews) => Paragraphs> = {
  'payment-failed': ({ plan, grace_until }) => ({
    subject: 'Your payment did not go through',
    happened: `the payment for your plan ${plan} did not go through.`,
    means: grace_until
      ? `your agents go on until ${day.format(grace_until)}. When it is not paid by then they take no new runs. Nothing you have made or logged is lost.`
      : 'your agents take no new runs until it is paid. Nothing you have made or logged is lost.',
    todo: 'check the card or account that pays, or choose another plan.',
    path: '/subscription',
  }),
  ended: ({ plan }) => ({
    subject: 'Your subscription has ended',
    happened: `your subscription of ${plan} has ended.`,
    means:
      'your agents take no new runs and nothing can be added. All that you have made and logged is still there: you can read, download and delete it.',
    todo: 'choose a plan, and everything goes on from where it stopped.',
    path: '/plans',
  }),
  'request-accepted': ({ plan }) => ({
    subject: `You have the plan ${plan}`,
    happened: `your request for the plan ${plan} was accepted.`,
    means: 'the plan counts from now on.',
    todo: 'see what it includes.',
    path: '/subscription',
  }),
  'request-refused': ({ plan }) => ({
    subject: `Your request for the plan ${plan}`,
    happened: `your request for the plan ${plan} was not accepted.`,
    means: 'nothing has changed: you have the plan that you had.',
    todo: 'choose another plan, or ask again.',
    path: '/plans',
  }),
}

export function writeSubscriptionNews(news: SubscriptionNews, siteUrl: string): MailText {
  const { subject, happened, means, todo, path } = paragraphsOf[news.kind](news)
  const text = [
    `Hello${news.first_name ? ` ${news.first_name}` : ''},`,
    happened,
    ...(news.answer ? [`The answer: ${news.answer}`] : []),
    `What it means: ${means}`,
    `What you can do: ${todo}\n${siteUrl}${path}`,
  ].join('\n\n')
  return { to: news.email, subject, text: `${text}\n` }
}
