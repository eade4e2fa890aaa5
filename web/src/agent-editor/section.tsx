import { Card, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** One card of the editor. */
export function Section({
  id,
  title,
  help,
  children,
}: {
  id: string
  title: string
  help: string
  children: ReactNode
}) {
  return (
    <Card component="section" aria-labelledby={id}>
      <Title order={2} size="h3" id={id}>
        {title}
      </Title>
      <Text size="sm" c="dimmed" mt={2} mb="lg">
        {help}
      </Text>
      <Stack gap="md">{children}</Stack>
    </Card>
  )
}
