/* exponential.h: the exponential of a small matrix, less 1, as linear plants need it.
 *
 * The identity is left out, so that a slow plant, whose entries are tiny beside 1, keeps all its
 * digits. By its series for a matrix made small, then doubled as often: C. Moler, C. Van Loan,
 * "Nineteen Dubious Ways to Compute the Exponential of a Matrix" (scaling and squaring).
 */
#ifndef AMP_EXPONENTIAL_H
#define AMP_EXPONENTIAL_H

/// Rows and columns: the states and the inputs of a plant.
#define AMP_EXPONENTIAL_SIZE 5

/// exp(|matrix|) - 1 into |out|; |matrix| is scaled on the way.
/// Context: init.
void amp_exponential(double out[AMP_EXPONENTIAL_SIZE][AMP_EXPONENTIAL_SIZE],
                     double matrix[AMP_EXPONENTIAL_SIZE][AMP_EXPONENTIAL_SIZE]);

/// From exp(M) - 1 to exp(2 M) - 1, in place.
/// Context: init.
void amp_exponential_twice(double change[AMP_EXPONENTIAL_SIZE][AMP_EXPONENTIAL_SIZE]);

#endif
