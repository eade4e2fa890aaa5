import { Alert, CloseButton, Group, Text } from '@mantine/core'
import { IconGauge } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useLocation } from '@tanstack/react-router'
import { useState } from 'react'
import { ButtonLink } from '../ui/links.tsx'
import { type BannerNotice, findNotice, hiddenMark } from './banner-notice.ts'
import { limitsQuery } from './limit-queries.ts'
import { WayOutButton } from './refusal-alert.tsx'

const lookEveryMs = 5 * 60_000

/** On every page: a limit that is near or reached, a payment that failed, a subscription that has ended. */
export function LimitBanner() {
  const { data } = useQuery({ ...limitsQuery, refetchInterval: lookEveryMs })
  const path = useLocation({ select: (location) => location.pathname })
  const [hidden, setHidden] = useState(readHidden)
  const notice = data ? findNotice(data) : null
  // These pages say the same, with more to it.
  if (notice === null || path === '/subscription' || path === '/plans') return null
  const mark = hiddenMark(notice, new Date())
  if (notice.canHide && hidden === mark) return null
  const hide = () => {
    setHidden(mark)
    writeHidden(mark)
  }
  return (
    <Alert
      color={notice.color}
      variant="light"
      radius="lg"
      mb="lg"
      py="xs"
      icon={<IconGauge aria-hidden />}
      role="status"
      aria-label="Your plan"
    >
      <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
        <Group gap="xs" justify="space-between" flex={1}>
          <Text size="sm" flex="1 1 220px">
            <b>{notice.title}.</b> {notice.detail}
          </Text>
          <ActionButton action={notice.action} />
        </Group>
        {notice.canHide && <CloseButton aria-label="Hide until tomorrow" onClick={hide} />}
      </Group>
    </Alert>
  )
}

function ActionButton({ action }: { action: BannerNotice['action'] }) {
  if (action.kind !== 'subscription') return <WayOutButton wayOut={action} />
  return (
    <ButtonLink to="/subscription" size="xs">
      {action.label}
    </ButtonLink>
  )
}

const hiddenKey = 'ax_hidden_notice'

function readHidden(): string | null {
  try {
    return localStorage.getItem(hiddenKey)
  } catch {
    return null
  }
}

function writeHidden(mark: string): void {
  try {
    localStorage.setItem(hiddenKey, mark)
  } catch {
    // Storage is switched off: hidden until the next reload.
  }
}
