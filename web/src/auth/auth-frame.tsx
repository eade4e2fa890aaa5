import { Box, Card, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { usePageTitle } from '../ui/page-title.tsx'

/** The card that sign-up and sign-in stand in. */
export function AuthFrame({ title, subtitle, children }: { title: string; subtitle: string; children: ReactNode }) {
  usePageTitle(title)
  return (
    <Box maw={440} mx="auto" pt={{ base: 'sm', sm: 40 }}>
      <Stack gap={6} mb="lg">
        <Title order={1}>{title}</Title>
        <Text c="dimmed">{subtitle}</Text>
      </Stack>
      <Card padding="xl" shadow="sm">
        {children}
      </Card>
    </Box>
  )
}
