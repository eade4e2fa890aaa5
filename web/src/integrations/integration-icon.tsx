import { ThemeIcon } from '@mantine/core'
import {
  type Icon,
  IconApi,
  IconBell,
  IconBrandDiscord,
  IconBrandGithub,
  IconBrandGoogle,
  IconBrandMastodon,
  IconBrandSlack,
  IconBrandTelegram,
  IconBrandWordpress,
  IconCalendar,
  IconCloud,
  IconDatabase,
  IconInbox,
  IconMail,
  IconMailbox,
  IconMailForward,
  IconMailOpened,
  IconMailSearch,
  IconPlug,
  IconPlugConnected,
  IconSearch,
  IconSend,
  IconTable,
  IconWebhook,
  IconWorld,
  IconWorldSearch,
  IconWorldWww,
} from '@tabler/icons-react'

// Named one by one, because the whole set would be larger than the rest of the app.
const icons: Record<string, Icon> = {
  api: IconApi,
  bell: IconBell,
  'brand-discord': IconBrandDiscord,
  'brand-github': IconBrandGithub,
  'brand-google': IconBrandGoogle,
  'brand-mastodon': IconBrandMastodon,
  'brand-slack': IconBrandSlack,
  'brand-telegram': IconBrandTelegram,
  'brand-wordpress': IconBrandWordpress,
  calendar: IconCalendar,
  cloud: IconCloud,
  database: IconDatabase,
  inbox: IconInbox,
  mail: IconMail,
  'mail-forward': IconMailForward,
  'mail-opened': IconMailOpened,
  'mail-search': IconMailSearch,
  mailbox: IconMailbox,
  'plug-connected': IconPlugConnected,
  search: IconSearch,
  send: IconSend,
  table: IconTable,
  webhook: IconWebhook,
  world: IconWorld,
  'world-search': IconWorldSearch,
  'world-www': IconWorldWww,
}

/** The sign of a type of integration. */
export function IntegrationIcon({ icon, size = 40 }: { icon: string | undefined; size?: number }) {
  const IconShape = icons[icon ?? ''] ?? IconPlug
  return (
    <ThemeIcon variant="light" size={size} radius="md" aria-hidden style={{ flexShrink: 0 }}>
      <IconShape size={Math.round(size * 0.55)} stroke={1.6} />
    </ThemeIcon>
  )
}
