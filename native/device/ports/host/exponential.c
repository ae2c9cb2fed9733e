#include "exponential.h"

#define SQUARE AMP_EXPONENTIAL_SIZE
#define TAYLOR_TERMS 16
#define HALVINGS_MAX 64

static void multiply(double out[SQUARE][SQUARE], double left[SQUARE][SQUARE],
                     double right[SQUARE][SQUARE]) {
    double product[SQUARE][SQUARE];
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            double sum = 0.0;
            for (int k = 0; k < SQUARE; k++) {
                sum += left[row][k] * right[k][column];
            }
            product[row][column] = sum;
        }
    }
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            out[row][column] = product[row][column];
        }
    }
}

static double largest_row_sum(double matrix[SQUARE][SQUARE]) {
    double largest = 0.0;
    for (int row = 0; row < SQUARE; row++) {
        double sum = 0.0;
        for (int column = 0; column < SQUARE; column++) {
            const double entry = matrix[row][column];
            sum += entry < 0.0 ? -entry : entry;
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

static void scale(double matrix[SQUARE][SQUARE], double factor) {
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            matrix[row][column] *= factor;
        }
    }
}

static void set_identity(double matrix[SQUARE][SQUARE]) {
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            matrix[row][column] = row == column ? 1.0 : 0.0;
        }
    }
}

void amp_exponential_twice(double change[SQUARE][SQUARE]) {
    double square[SQUARE][SQUARE];
    multiply(square, change, change);
    for (int row = 0; row < SQUARE; row++) {
        for (int column = 0; column < SQUARE; column++) {
            change[row][column] = 2.0 * change[row][column] + square[row][column];
        }
    }
}

void amp_exponential(double out[SQUARE][SQUARE], double matrix[SQUARE][SQUARE]) {
    int halvings = 0;
    while (largest_row_sum(matrix) > 0.25 && halvings < HALVINGS_MAX) {
        scale(matrix, 0.5);
        halvings++;
    }
    double term[SQUARE][SQUARE];
    set_identity(out);
    scale(out, 0.0);
    set_identity(term);
    for (int k = 1; k <= TAYLOR_TERMS; k++) {
        multiply(term, term, matrix);
        scale(term, 1.0 / k);
        for (int row = 0; row < SQUARE; row++) {
            for (int column = 0; column < SQUARE; column++) {
                out[row][column] += term[row][column];
            }
        }
    }
    for (int k = 0; k < halvings; k++) {
        amp_exponential_twice(out);
    }
}
