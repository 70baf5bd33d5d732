/* For cppcheck: the loop runs one beyond the array. */
int planted(void);

int planted(void)
{
    int numbers[4];
    int sum = 0;

    for (int i = 0; i <= 4; i++)
        numbers[i] = i;
    for (int i = 0; i < 4; i++)
        sum += numbers[i];
    return sum;
}
