import { Box, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { usePageTitle } from './page-title.tsx'

interface PageProps {
  title: string
  /** What the browser tab says, where the heading is not enough. */
  tabTitle?: string
  subtitle?: ReactNode
  /** Buttons beside the heading. */
  actions?: ReactNode
  /** Above the heading, e.g. the way back. */
  above?: ReactNode
  /** Largest width of the content in pixels. */
  width?: number
  children: ReactNode
}

/** A page with its one h1; sets the title of the tab. */
export function Page({ title, tabTitle, subtitle, actions, above, width = 1080, children }: PageProps) {
  usePageTitle(tabTitle ?? title)
  return (
    <Box maw={width} mx="auto" w="100%">
      <Stack gap="xl">
        <header>
          {above}
          <Group justify="space-between" align="flex-start" gap="md">
            <Box flex="1 1 300px" miw={0}>
              <Title order={1} tabIndex={-1} id="page-title">
                {title}
              </Title>
              {subtitle && (
                <Text c="dimmed" mt={6} maw={680} component="div" style={{ textWrap: 'pretty' }}>
                  {subtitle}
                </Text>
              )}
            </Box>
            {actions && <Group gap="sm">{actions}</Group>}
          </Group>
        </header>
        {children}
      </Stack>
    </Box>
  )
}
