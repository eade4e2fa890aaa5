import { Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'

/** The name gives way on a phone where a stranger needs the room for signing in. */
export function Logo({ isShort = false }: { isShort?: boolean }) {
  return (
    <Link to="/" style={{ color: 'inherit', textDecoration: 'none' }} aria-label="AgentExpress, home">
      <Group gap={10} wrap="nowrap">
        <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="9" fill="#12694f" />
          <path
            d="M8.5 22.5 14.2 9.8c.7-1.5 2.9-1.5 3.6 0l5.7 12.7"
            fill="none"
            stroke="#fff"
            strokeWidth="3"
            strokeLinecap="round"
          />
          <circle cx="16" cy="19.6" r="2.6" fill="#ffc65c" />
        </svg>
        <Text fw={700} fz={18} visibleFrom={isShort ? 'xs' : undefined} style={{ letterSpacing: '-0.02em' }}>
          AgentExpress
        </Text>
      </Group>
    </Link>
  )
}
