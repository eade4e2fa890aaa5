import { Box, Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'

interface EmptyStateProps {
  icon: Icon
  /** What there would be here. */
  title: string
  /** What it is good for, and what to do. */
  children: ReactNode
  action?: ReactNode
}

/** What stands where a list is empty. */
export function EmptyState({ icon: IconShape, title, children, action }: EmptyStateProps) {
  return (
    <Paper p={{ base: 'xl', sm: 48 }} withBorder>
      <Stack align="center" gap="sm" ta="center" maw={460} mx="auto">
        <ThemeIcon size={64} radius="xl" variant="light" aria-hidden>
          <IconShape size={32} stroke={1.5} />
        </ThemeIcon>
        <Title order={2} size="h3" mt="xs">
          {title}
        </Title>
        <Text c="dimmed" component="div">
          {children}
        </Text>
        {action && <Box mt="sm">{action}</Box>}
      </Stack>
    </Paper>
  )
}
