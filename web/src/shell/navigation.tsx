import { Divider, NavLink, Stack, Text } from '@mantine/core'
import {
  type Icon,
  IconApps,
  IconChartBar,
  IconChecklist,
  IconCpu,
  IconCreditCard,
  IconGauge,
  IconHandStop,
  IconHeartbeat,
  IconHistory,
  IconKey,
  IconListDetails,
  IconReceipt2,
  IconRobotFace,
  IconTag,
  IconTool,
  IconUsersGroup,
} from '@tabler/icons-react'
import { createLink, type LinkProps, useLocation } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, ReactNode, Ref } from 'react'
import type { User } from '../../../api-client/src/api-types.ts'
import { ApprovalCount } from '../approvals/approval-count.tsx'

interface Entry {
  to: LinkProps['to']
  label: string
  icon: Icon
  /** Paths that belong to it besides its own. */
  also?: RegExp
  /** What stands at its end, such as a count. */
  end?: ReactNode
}

const entries: Entry[] = [
  { to: '/my-agents', label: 'My agents', icon: IconRobotFace, also: /^\/(my-agents|chat|user-agents)\// },
  { to: '/approvals', label: 'Approvals', icon: IconHandStop, also: /^\/approvals\//, end: <ApprovalCount /> },
  { to: '/agents', label: 'Catalogue', icon: IconApps, also: /^\/agents\/(?!new$)[^/]+(\/set-up)?$/ },
  { to: '/logs', label: 'Logs', icon: IconListDetails, also: /^\/logs\// },
  { to: '/usage', label: 'Usage', icon: IconChartBar },
  { to: '/subscription', label: 'Plan', icon: IconCreditCard, also: /^\/plans$/ },
  { to: '/api-keys', label: 'API keys', icon: IconKey },
]
const creatorEntries: Entry[] = [
  { to: '/created-agents', label: 'Created by me', icon: IconTool, also: /^\/agents\/(new|[^/]+\/edit)$/ },
]
const adminEntries: Entry[] = [
  { to: '/admin', label: 'Overview', icon: IconGauge },
  { to: '/admin/users', label: 'Users', icon: IconUsersGroup, also: /^\/admin\/users\// },
  { to: '/admin/subscriptions', label: 'Subscriptions', icon: IconReceipt2 },
  { to: '/admin/plans', label: 'Plans', icon: IconTag, also: /^\/admin\/plans\// },
  { to: '/admin/publication-requests', label: 'Publication requests', icon: IconChecklist },
  { to: '/admin/models', label: 'Models and prices', icon: IconCpu },
  { to: '/admin/system', label: 'System', icon: IconHeartbeat },
  { to: '/admin/audit-log', label: 'Audit log', icon: IconHistory },
]

/** The menu of a signed-in person. */
export function Navigation({ user, onNavigate }: { user: User; onNavigate: () => void }) {
  return (
    <Stack gap={4}>
      <Entries entries={entries} onNavigate={onNavigate} />
      <Section title="Create" />
      <Entries entries={creatorEntries} onNavigate={onNavigate} />
      {user.role === 'admin' && (
        <>
          <Section title="Admin" />
          <Entries entries={adminEntries} onNavigate={onNavigate} />
        </>
      )}
    </Stack>
  )
}

function Section({ title }: { title: string }) {
  return (
    <>
      <Divider my={8} color="var(--ax-line)" />
      <Text size="xs" fw={600} c="dimmed" px="sm" pb={2}>
        {title}
      </Text>
    </>
  )
}

function Entries({ entries: shown, onNavigate }: { entries: Entry[]; onNavigate: () => void }) {
  const path = useLocation({ select: (location) => location.pathname })
  return shown.map(({ to, label, icon: IconShape, also, end }) => (
    <RouterNavLink
      key={to}
      to={to}
      label={label}
      leftSection={<IconShape size={20} stroke={1.6} aria-hidden />}
      rightSection={end}
      active={path === to || also?.test(path)}
      activeOptions={{ exact: true, includeSearch: false }}
      onClick={onNavigate}
    />
  ))
}

interface RouterNavLinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'color' | 'style' | 'onChange'> {
  label: string
  leftSection: ReactNode
  rightSection?: ReactNode
  active?: boolean
  ref?: Ref<HTMLAnchorElement>
}

const RouterNavLink = createLink(function RouterNavLink(props: RouterNavLinkProps) {
  return <NavLink component="a" {...props} style={{ borderRadius: 10, fontWeight: 550 }} py={9} />
})
