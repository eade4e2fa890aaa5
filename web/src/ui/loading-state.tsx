import { Card, Group, SimpleGrid, Skeleton, Stack } from '@mantine/core'

interface LoadingStateProps {
  /** What is being loaded, for screen readers. */
  label?: string
  /** The shape of what will come. */
  shape?: 'cards' | 'rows' | 'text' | 'form'
}

/** Grey shapes of what is about to appear. */
export function LoadingState({ label = 'Loading', shape = 'rows' }: LoadingStateProps) {
  return (
    <div role="status" aria-label={label} aria-busy="true">
      {shape === 'cards' && (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg" aria-hidden>
          {lengths(6).map((key) => (
            <Card key={key} h={190}>
              <Skeleton height={44} width={44} radius="md" />
              <Skeleton height={16} mt="md" width="60%" />
              <Skeleton height={11} mt="md" />
              <Skeleton height={11} mt="xs" width="85%" />
            </Card>
          ))}
        </SimpleGrid>
      )}
      {shape === 'rows' && (
        <Stack gap="md" aria-hidden>
          {lengths(6).map((key) => (
            <Group key={key} wrap="nowrap">
              <Skeleton height={36} circle />
              <Stack gap={8} flex={1}>
                <Skeleton height={12} width="40%" />
                <Skeleton height={10} width="75%" />
              </Stack>
            </Group>
          ))}
        </Stack>
      )}
      {shape === 'text' && (
        <Stack gap="sm" aria-hidden>
          <Skeleton height={26} width="45%" />
          <Skeleton height={12} mt="md" />
          <Skeleton height={12} width="92%" />
          <Skeleton height={12} width="70%" />
        </Stack>
      )}
      {shape === 'form' && (
        <Stack gap="lg" aria-hidden>
          {lengths(4).map((key) => (
            <Stack key={key} gap={8}>
              <Skeleton height={12} width="30%" />
              <Skeleton height={40} />
            </Stack>
          ))}
        </Stack>
      )}
    </div>
  )
}

function lengths(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
