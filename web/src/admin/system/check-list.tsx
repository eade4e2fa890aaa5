import { Card, Group, List, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import type { Check, Light } from './system-checks.ts'

export const lightLooks = {
  good: { icon: IconCircleCheck, color: 'var(--mantine-color-spruce-filled)', word: 'Well' },
  look: { icon: IconAlertTriangle, color: 'var(--mantine-color-orange-filled)', word: 'Worth a look' },
  bad: { icon: IconCircleX, color: 'var(--mantine-color-red-filled)', word: 'Needs you' },
} as const satisfies Record<Light, unknown>

const rank: Record<Light, number> = { bad: 0, look: 1, good: 2 }

/** A light a line, what needs somebody first. */
export function CheckList({ checks }: { checks: readonly Check[] }) {
  const sorted = [...checks].sort((a, b) => rank[a.light] - rank[b.light])
  return (
    <Card p={0}>
      <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }}>
        {sorted.map((check, index) => (
          <CheckRow key={check.name} check={check} isFirst={index === 0} />
        ))}
      </Stack>
    </Card>
  )
}

function CheckRow({ check, isFirst }: { check: Check; isFirst: boolean }) {
  const { icon: LightIcon, color, word } = lightLooks[check.light]
  return (
    <Group
      component="li"
      wrap="nowrap"
      align="flex-start"
      gap="md"
      p="md"
      style={isFirst ? undefined : { borderTop: '1px solid var(--ax-line)' }}
    >
      <LightIcon size={26} color={color} aria-label={word} role="img" style={{ flexShrink: 0 }} />
      <div style={{ minWidth: 0, flex: 1 }}>
        <Title order={2} size="h4">
          {check.name}
        </Title>
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {check.says}
        </Text>
        {check.problems.length > 0 && (
          <List size="sm" mt={4} spacing={2}>
            {check.problems.map((problem) => (
              <List.Item key={problem} style={{ overflowWrap: 'anywhere' }}>
                {problem}
              </List.Item>
            ))}
          </List>
        )}
      </div>
    </Group>
  )
}
