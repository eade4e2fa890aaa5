import { Card, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'

interface SectionProps {
  title: string
  description?: ReactNode
  children: ReactNode
}

/** One matter of the account. */
export function Section({ title, description, children }: SectionProps) {
  const titleId = useId()
  return (
    <Card component="section" aria-labelledby={titleId}>
      <Stack>
        <div>
          <Title order={2} size="h3" id={titleId}>
            {title}
          </Title>
          {description && (
            <Text c="dimmed" size="sm" mt={4}>
              {description}
            </Text>
          )}
        </div>
        {children}
      </Stack>
    </Card>
  )
}
