import dayjs from 'dayjs'
import relativeTime from 'dayjs/plugin/relativeTime'

dayjs.extend(relativeTime)

/** A moment: how long ago within a week, else its date; the whole of it as a title. */
export function Time({ value, isExact = false }: { value: string; isExact?: boolean }) {
  return (
    <time dateTime={value} title={new Date(value).toLocaleString()}>
      {isExact ? formatMoment(value) : formatAgo(value)}
    </time>
  )
}

function formatAgo(value: string): string {
  const moment = dayjs(value)
  const days = dayjs().diff(moment, 'day')
  if (days < 7) return moment.fromNow()
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(moment.toDate())
}

/** Date and time in the words of the reader's own language. */
export function formatMoment(value: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(value))
}
